//! Folds letters of the Latin script to plain letters.
//!
//! Owns the table of plain forms, by which three texts are folded: the search index, the search
//! text of a visitor, and slugs. The compatibility decomposition of Unicode (NFKD) separates
//! accents from letters, but does not change letters with a stroke (ł, ø, đ), ligatures (æ, œ) and
//! letters like ß, þ and ı. The table has these letters; `any_ascii` gives their plain forms.
//! Letters of other scripts are never transliterated: Japanese would be transliterated as Chinese.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use any_ascii::any_ascii_char;
use icu_properties::CodePointMapData;
use icu_properties::props::Script;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The placeholder of the table in a script of a theme.
const PLACE: &str = "{/* movies-gen:letters */}";

/// The form of the sigma at the end of a word, with its plain form. JavaScript lower-cases Σ at the
/// end of a word to ς, and Rust lower-cases a single Σ to σ.
const FINAL_SIGMA: (char, &str) = ('ς', "σ");

/// The lower-case letters that decomposition does not change, with their plain forms.
static TABLE: LazyLock<BTreeMap<char, &str>> = LazyLock::new(|| {
    let scripts = CodePointMapData::<Script>::new();
    let latin = scripts.iter_ranges_for_value(Script::Latin).flatten().filter_map(char::from_u32);
    let latin = latin.filter(|&letter| !letter.is_ascii() && is_latin(letter));
    let letters = latin.filter_map(|letter| Some((letter, plain(letter)?)));
    letters.chain([FINAL_SIGMA]).collect()
});

/// Whether a character is a letter of the Latin script: ł and ﬁ are letters, Ⅱ is a number.
pub fn is_latin(letter: char) -> bool {
    CodePointMapData::<Script>::new().get(letter) == Script::Latin && !letter.is_numeric()
}

/// Returns `text` in lower case, without accents, and with the plain forms of Latin letters.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in decomposed(text) {
        match TABLE.get(&letter) {
            Some(plain) => folded.push_str(plain),
            None => folded.push(letter),
        }
    }
    folded
}

/// Returns `script` with the table in place of the placeholder. A script of a theme that searches
/// folds the search text of a visitor, which must be folded in the same way as the search index.
pub fn in_script(script: &str) -> String {
    script.replace(PLACE, &as_script())
}

/// Returns a JavaScript expression whose value is an object: each plain form with the letters that
/// have this plain form. The expression computes the letters, because a literal table is a third
/// larger after compression.
fn as_script() -> String {
    let steps = steps();
    format!(
        "((at,table)=>{{for(const[,step,plain]of\"{steps}\".matchAll(/(\\d*)([a-zσ]+)/g)){{\
         at+=+step||1;table[plain]=(table[plain]??\"\")+String.fromCodePoint(at)}}\
         return table}})(0,{{}})"
    )
}

/// Returns the plain forms in the order of their letters. Before each plain form is the difference
/// between the code point of its letter and the previous code point; a space means 1.
pub fn steps() -> String {
    let (mut steps, mut before) = (String::new(), 0);
    for (&letter, plain) in TABLE.iter() {
        match u32::from(letter) - before {
            1 => steps.push(' '),
            step => steps.push_str(&step.to_string()),
        }
        steps.push_str(plain);
        before = u32::from(letter);
    }
    steps
}

/// Returns the plain form of a lower-case letter; `None` if decomposition changes the letter, or if
/// the letter has no plain form.
fn plain(letter: char) -> Option<&'static str> {
    if decomposed(letter.encode_utf8(&mut [0; 4])).ne([letter]) {
        return None;
    }
    let plain = any_ascii_char(letter);
    let is_word = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_lowercase());
    is_word.then_some(plain)
}

fn decomposed(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|&letter| !is_combining_mark(letter)).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_with_a_stroke_and_ligatures_have_plain_forms() {
        for (text, plain) in [
            ("Wałęsa", "walesa"),
            ("SØREN", "soren"),
            ("Æbler œuvre", "aebler oeuvre"),
            ("Straße STRAẞE", "strasse strasse"),
            ("Đặng Ħal Ŧ", "dang hal t"),
            ("Þór ð", "thor d"),
            ("Diyarbakır İzmir", "diyarbakir izmir"),
            ("Əli Ŋ ǿ ﬁ ﬆ", "eli ng o fi st"),
        ] {
            assert_eq!(folded(text), plain);
        }
    }

    #[test]
    fn other_scripts_stay_as_they_are() {
        assert_eq!(
            folded("となりのトトロ 天空 Война 친구"),
            "となりのトトロ 天空 воина 친구".nfkd().collect::<String>()
        );
        assert_eq!(folded("ΟΔΟΣ οδος"), "οδοσ οδοσ");
        assert!(!is_latin('Ⅱ') && !is_latin('と') && is_latin('ｆ'));
    }

    #[test]
    fn every_plain_form_is_plain_and_a_property_name_without_quotes() {
        let latin = TABLE.iter().filter(|&(&letter, _)| (letter, TABLE[&letter]) != FINAL_SIGMA);
        for (letter, plain) in latin {
            assert!(plain.bytes().all(|byte| byte.is_ascii_lowercase()), "{letter} {plain}");
        }
    }

    #[test]
    fn the_table_replaces_the_placeholder_in_a_script() {
        let script = in_script("const L = {/* movies-gen:letters */};");
        assert!(script.starts_with("const L = ((at,") && script.ends_with("(0,{});"), "{script}");
        let steps = script.split('"').nth(1).expect("the table");
        assert!(steps.starts_with("223ss7ae"), "ß and æ: {steps}");
        let (mut read, mut at, mut rest) = (BTreeMap::new(), 0, steps);
        while !rest.is_empty() {
            let (step, after) = rest.split_at(rest.find(char::is_alphabetic).expect("a form"));
            at += step.trim().parse().unwrap_or(1);
            let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            read.insert(char::from_u32(at).expect("a letter"), &after[..end]);
            rest = &after[end..];
        }
        assert_eq!(read, *TABLE, "the script must compute the table");
        assert_eq!(in_script("const L = {};"), "const L = {};");
    }
}
