//! The names that fields have in usual APIs.
//!
//! The names are in lower case, without `_` and `-`, the best name first.

/// Keys of a field, each with the usual names of the field.
pub(super) type UsualNames = &'static [(&'static str, &'static [&'static str])];

/// Fields of a film.
pub(super) const OF_A_FILM: UsualNames = &[
    ("id", &["id", "uuid", "guid", "ref", "slug", "key", "nr", "no", "imdbid", "url"]),
    ("title", &["title", "name", "titel", "titre", "titulo", "label"]),
    (
        "original_title",
        &["originaltitle", "originalname", "titleoriginal", "nameoriginal", "origtitle"],
    ),
    ("original_title_romanised", &["originaltitleromanised", "originaltitleromanized"]),
    ("original_language", &["originallanguage", "language", "lang"]),
    (
        "release_date",
        &[
            "releasedate",
            "premieredate",
            "premiered",
            "premiere",
            "released",
            "release",
            "firstairdate",
            "date",
            "year",
            "productionyear",
            "releaseyear",
            "jahr",
            "annee",
        ],
    ),
    (
        "running_time",
        &[
            "runningtime",
            "runtime",
            "runtimeticks",
            "runtimeminutes",
            "runtimemin",
            "runtimeseconds",
            "runtimems",
            "duration",
            "durationminutes",
            "durationmin",
            "durationseconds",
            "durationms",
            "length",
            "lengthminutes",
            "lengthmin",
            "lengthseconds",
            "lengthms",
            "minutes",
        ],
    ),
    (
        "score",
        &[
            "rtscore",
            "score",
            "voteaverage",
            "rating",
            "communityrating",
            "averagerating",
            "stars",
            "note",
        ],
    ),
    (
        "description",
        &["description", "overview", "summary", "plot", "synopsis", "openingcrawl", "beschreibung"],
    ),
    ("director", &["director", "directors", "directedby", "regie"]),
    ("producer", &["producer", "producers", "producedby"]),
    (
        "image",
        &["image", "poster", "posterurl", "imageurl", "picture", "thumbnail", "cover", "artwork"],
    ),
    ("movie_banner", &["moviebanner", "banner", "backdrop", "fanart"]),
];

/// Fields with the people of a film.
pub(super) const PEOPLE: &[&str] =
    &["people", "cast", "credits", "actors", "characters", "persons", "darsteller", "roles"];

/// Fields of a person.
pub(super) const OF_A_PERSON: UsualNames = &[
    ("id", &["id", "uuid", "guid", "ref", "slug", "key", "url"]),
    ("name", &["name", "title", "fullname"]),
    ("films", &["films", "movies", "shows", "titles"]),
    ("gender", &["gender", "sex"]),
    ("age", &["age"]),
    ("eye_color", &["eyecolor", "eyecolour", "eyes"]),
    ("hair_color", &["haircolor", "haircolour", "hair"]),
    ("image", &["image", "picture", "photo", "portrait", "headshot", "imageurl", "profilepath"]),
];

/// Fields of a credit.
pub(super) const OF_A_CREDIT: UsualNames = &[
    ("name", &["name", "actor", "person", "fullname", "actorname", "personname", "who"]),
    ("id", &["id", "personid", "actorid", "uuid", "url"]),
    ("role", &["role", "character", "charactername", "as", "part", "plays"]),
    ("image", &["image", "picture", "photo", "portrait", "headshot", "profileurl"]),
];

/// Fields with the job of a person in a list of people.
pub(super) const JOBS: &[&str] =
    &["job", "type", "department", "position", "function", "kind", "category"];

/// Fields that themes like to show.
pub(super) const WORTH_KEEPING: &[&str] =
    &["genres", "genre", "tags", "tagline", "studio", "studios", "country", "countries"];

/// Objects around the fields of a record: `{"attributes": {"title": …}}`.
pub(super) const AROUND: &[&str] = &["data", "attributes", "fields"];

/// Fields of an object in which the value of a field is: `{"rendered": …}`, `{"average": …}`.
pub(super) const INSIDE: &[&str] =
    &["rendered", "average", "value", "original", "medium", "url", "en"];
