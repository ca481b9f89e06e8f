//! Words of a text as search knows them: the same for the index, the question and the snippet.
//!
//! A word is a run of letters, digits and their marks, without case and accents. Scripts that are
//! written without spaces (Chinese, Japanese, Thai, …) give one word per character, and a run of
//! them in a question means these characters in this order.

use serde::{Deserialize, Serialize};
use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

/// A word and where it stands, in bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Folded: lower case, compatible forms made one, accents taken away.
    pub text: String,
    /// Its first byte.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// A character of an unspaced script right after another one.
    pub is_glued: bool,
}

/// What kind of character it is.
#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Letter,
    /// A word of its own.
    Unspaced,
    /// Belongs to the letter before it.
    Mark,
    Other,
}

fn sort_of(c: char) -> Sort {
    let unspaced = matches!(u32::from(c),
        0x0E01..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3005..=0x3007 | 0x3041..=0x30FF
        | 0x3105..=0x312F | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9F | 0x2_0000..=0x3_23AF);
    if is_combining_mark(c) || matches!(c, '\u{200C}' | '\u{200D}') {
        Sort::Mark
    } else if unspaced && c.is_alphanumeric() {
        Sort::Unspaced
    } else if c.is_alphanumeric() {
        Sort::Letter
    } else {
        Sort::Other
    }
}

/// Letters that no normal form takes apart, as people without them type them.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        // The Arabic stretch and the joiners are no letters.
        '\u{640}' | '\u{200C}' | '\u{200D}' => "",
        _ => return None,
    })
}

/// A word without case and accents. The marks that voice a kana make another letter and stay.
fn fold(word: &str) -> String {
    let is_kept = |c: &char| canonical_combining_class(*c) == 0 || matches!(c, '\u{3099}' | '\u{309A}');
    let bare: String = word.to_lowercase().nfkd().filter(is_kept).nfc().collect();
    let mut out = String::with_capacity(bare.len());
    for c in bare.chars() {
        match plain(c) {
            Some(text) => out.push_str(text),
            None => out.push(c),
        }
    }
    out
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    // The word being read: its start and sort, and whether it follows an unspaced one closely.
    let mut open: Option<(usize, Sort, bool)> = None;
    let mut close = |open: &mut Option<(usize, Sort, bool)>, end: usize| {
        if let Some((start, _, is_glued)) = open.take() {
            let folded = fold(&text[start..end]);
            if !folded.is_empty() {
                words.push(Word { text: folded, start, end, is_glued });
            }
        }
    };
    for (at, c) in text.char_indices() {
        let sort = sort_of(c);
        let before = open.map(|(_, sort, _)| sort);
        match sort {
            Sort::Mark if before.is_some() => {}
            Sort::Letter if before == Some(Sort::Letter) => {}
            Sort::Letter | Sort::Unspaced => {
                close(&mut open, at);
                let is_glued = sort == Sort::Unspaced && before == Some(Sort::Unspaced);
                open = Some((at, sort, is_glued));
            }
            Sort::Mark | Sort::Other => close(&mut open, at),
        }
    }
    close(&mut open, text.len());
    words
}

/// What a question asks for: all of its parts, in any order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Each a run of words that stand next to each other. A run of one word of a spaced script means
    /// every word that begins so; the characters of unspaced ones mean themselves.
    pub runs: Vec<Run>,
}

/// One part of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Run {
    /// A word that begins so.
    Prefix(String),
    /// These characters, side by side.
    Characters(Vec<String>),
}

impl Run {
    /// Whether the words from `at` on are this.
    fn is_at(&self, words: &[Word], at: usize) -> bool {
        match self {
            Self::Prefix(prefix) => words[at].text.starts_with(prefix.as_str()),
            Self::Characters(characters) => words.get(at..at + characters.len()).is_some_and(|run| {
                run.iter()
                    .zip(characters)
                    .enumerate()
                    .all(|(i, (word, wanted))| word.text == *wanted && (i == 0 || word.is_glued))
            }),
        }
    }
}

impl Wanted {
    /// Reads a question; `None`: there is no word in it, or more than `max` of them.
    pub fn parse(question: &str, max: usize) -> Option<Self> {
        let words = words(question);
        if words.is_empty() || words.len() > max {
            return None;
        }
        let mut runs: Vec<Run> = Vec::new();
        for word in words {
            let sort = question[word.start..].chars().next().map_or(Sort::Other, sort_of);
            match runs.last_mut() {
                Some(Run::Characters(run)) if word.is_glued => run.push(word.text),
                _ if sort == Sort::Unspaced => runs.push(Run::Characters(vec![word.text])),
                _ => runs.push(Run::Prefix(word.text)),
            }
        }
        runs.dedup();
        Some(Self { runs })
    }

    /// A piece of the text around the first thing that was asked for, of about `length` characters,
    /// with an ellipsis where something is left out. `None`: not everything asked for is in it.
    pub fn snippet(&self, text: &str, length: usize) -> Option<String> {
        let words = words(text);
        let found = self.runs.iter().map(|run| (0..words.len()).find(|at| run.is_at(&words, *at)));
        let places: Vec<usize> = found.collect::<Option<_>>()?;
        let first = places.into_iter().min()?;
        let back = text[..words[first].start].char_indices().rev().nth(length / 4);
        // From the beginning of a word on, where there is one.
        let start = back.map_or(0, |(at, _)| {
            words[..=first].iter().find(|word| word.start >= at).map_or(at, |word| word.start)
        });
        let end = text[start..].char_indices().nth(length).map_or(text.len(), |(at, _)| start + at);
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        Some(format!("{before}{}{after}", text[start..end].trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    fn finds(question: &str, text: &str) -> bool {
        Wanted::parse(question, 16).expect("a word").snippet(text, 80).is_some()
    }

    #[test]
    fn case_accents_and_forms_are_folded() {
        assert_eq!(texts("Crème BRÛLÉE, Ångström; Straße"), ["creme", "brulee", "angstrom", "strasse"]);
        assert_eq!(texts("cafe\u{301} ＡＢＣ ﬁne Łódź"), ["cafe", "abc", "fine", "lodz"]);
        assert_eq!(texts("İstanbul Ὀδυσσεύς"), ["istanbul", "οδυσσευσ"]);
        assert_eq!(texts("!? …"), [] as [&str; 0]);
    }

    #[test]
    fn right_to_left_scripts_have_words() {
        assert_eq!(texts("שָׁלוֹם עולם"), ["שלום", "עולם"]);
        assert_eq!(texts("مَرْحَبًا بالعــالم"), ["مرحبا", "بالعالم"]);
        assert!(finds("أهل", "اهلا وسهلا"), "hamza is a mark");
    }

    #[test]
    fn unspaced_scripts_are_found_anywhere() {
        assert!(finds("東京", "今日は東京都へ行く"));
        assert!(!finds("京東", "今日は東京都へ行く"), "in this order");
        assert!(!finds("東京", "東 京"), "side by side");
        assert!(finds("สวัสดี", "คุณสวัสดีครับ"));
        assert!(!finds("か", "が"), "another letter");
        assert_eq!(texts("ABC公司2号"), ["abc", "公", "司", "2", "号"]);
    }

    #[test]
    fn every_word_of_a_question_begins_a_word() {
        assert!(finds("wor hel", "Hello, world"));
        assert!(!finds("orld", "Hello, world"));
        assert!(!finds("hello moon", "Hello, world"));
        assert!(finds("안녕", "안녕하세요"));
        assert_eq!(Wanted::parse("?!", 16), None);
        assert_eq!(Wanted::parse("a b c", 2), None);
    }

    #[test]
    fn a_snippet_is_cut_around_what_was_found() {
        let text = format!("{} needle {}", "hay ".repeat(50).trim(), "straw ".repeat(50).trim());
        let snippet = Wanted::parse("Need", 16).unwrap().snippet(&text, 40).unwrap();
        assert!(
            snippet.starts_with("…hay") && snippet.contains("needle") && snippet.ends_with('…'),
            "{snippet}"
        );
        assert!(snippet.chars().count() <= 42, "{snippet}");
        assert_eq!(Wanted::parse("hi", 16).unwrap().snippet("oh hi", 40).as_deref(), Some("oh hi"));
    }
}
