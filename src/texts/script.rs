//! The language of a text, if the script of its letters determines the language.
//!
//! A screen reader reads a title with the voice of the marked language. A wrong mark is worse than
//! no mark, so only scripts of a single language determine a language. Many languages use Latin,
//! Cyrillic, Arabic and Devanagari. Chinese characters without kana are Chinese or Japanese.

use icu_properties::CodePointMapData;
use icu_properties::props::Script;

/// Scripts that determine the language, with the language.
const CERTAIN: [(Script, &str); 15] = [
    (Script::Armenian, "hy"),
    (Script::Georgian, "ka"),
    (Script::Greek, "el"),
    (Script::Gujarati, "gu"),
    (Script::Gurmukhi, "pa"),
    (Script::Hangul, "ko"),
    (Script::Hebrew, "he"),
    (Script::Kannada, "kn"),
    (Script::Khmer, "km"),
    (Script::Lao, "lo"),
    (Script::Malayalam, "ml"),
    (Script::Sinhala, "si"),
    (Script::Tamil, "ta"),
    (Script::Telugu, "te"),
    (Script::Thai, "th"),
];

/// Returns the language of a text. Returns `None` if several languages use the script of the text,
/// or if the text mixes scripts.
pub fn language_of(text: &str) -> Option<&'static str> {
    let (mut has_kana, mut has_han, mut other) = (false, false, None);
    for script in text.chars().map(script_of) {
        match script {
            // Punctuation and digits belong to all scripts. An accent has the script of its letter.
            Script::Common | Script::Inherited => {}
            Script::Hiragana | Script::Katakana => has_kana = true,
            Script::Han => has_han = true,
            script if other.is_none_or(|known| known == script) => other = Some(script),
            _ => return None,
        }
    }
    match (has_kana, other) {
        (true, None) => Some("ja"),
        (false, Some(script)) => {
            let (_, lang) = CERTAIN.iter().find(|(certain, _)| *certain == script)?;
            // Korean names may contain Chinese characters.
            (!has_han || *lang == "ko").then_some(lang)
        }
        _ => None,
    }
}

/// Returns whether a character belongs to a script that is written from right to left.
pub fn is_right_to_left(character: char) -> bool {
    // The Hebrew block is the first block of such a script.
    character >= '\u{590}'
        && matches!(
            script_of(character),
            Script::Arabic
                | Script::Hebrew
                | Script::Syriac
                | Script::Thaana
                | Script::Nko
                | Script::Adlam
                | Script::Mandaic
                | Script::Samaritan
        )
}

fn script_of(character: char) -> Script {
    CodePointMapData::<Script>::new().get(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_script_of_one_language_determines_the_language() {
        for (text, lang) in [
            ("となりのトトロ", Some("ja")),
            ("千と千尋の神隠し!", Some("ja")),
            ("ハウルの動く城 2", Some("ja")),
            ("スーパーマン", Some("ja")),
            ("鬼滅の刃 ～無限列車編～", Some("ja")),
            ("기생충", Some("ko")),
            ("韓半島 전쟁", Some("ko")),
            ("องค์บาก", Some("th")),
            ("ואלס עם באשיר", Some("he")),
            ("Κυνόδοντας", Some("el")),
            ("臥虎藏龍", None),
            ("影武者", None),
            ("Ponyo", None),
            ("Ponyo ポニョ", None),
            ("Сталкер", None),
            ("پایتخت", None),
            ("Ω 2001 Space", None),
            ("2046", None),
            ("", None),
        ] {
            assert_eq!(language_of(text), lang, "{text}");
        }
    }

    #[test]
    fn hebrew_is_written_from_right_to_left() {
        assert!("אب".chars().all(is_right_to_left));
        assert!(!"aあ1ü-".chars().any(is_right_to_left));
    }
}
