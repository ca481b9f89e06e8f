//! What can befall a field: per sort of field and class of fault, what stands where a good value was.

use super::table::verdict_of;

/// What a field holds, as the column `sort` names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sort {
    /// A text, of at most so many bytes where a number stands behind it.
    Text(Option<usize>),
    /// A canonical lower-case UUID.
    Id,
    /// One of a few words.
    Word,
    /// A whole number below 2^53.
    Number,
    /// True or false.
    Flag,
    /// At most so many of these.
    List(usize, &'static str),
    Object,
}

impl Sort {
    pub fn of(cell: &'static str) -> Self {
        let mut words = cell.splitn(3, ' ');
        let name = words.next().unwrap_or_default();
        let max = words.next().map(|max| max.parse().expect("a number behind the sort"));
        match (name, max, words.next()) {
            ("text", max, None) => Self::Text(max),
            ("id", None, None) => Self::Id,
            ("word", None, None) => Self::Word,
            ("number", None, None) => Self::Number,
            ("flag", None, None) => Self::Flag,
            ("list", Some(max), Some(item)) => Self::List(max, item),
            ("object", None, None) => Self::Object,
            _ => panic!("no sort of field: {cell:?}"),
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text(_) | Self::Id | Self::Word)
    }
}

/// What is done to a good request.
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// The field is taken away.
    Nothing,
    /// Something else stands there.
    Raw(String),
    /// The field stands there twice.
    Twice,
    /// A field that nobody knows stands in it.
    Beside,
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug)]
pub struct Fault {
    pub name: String,
    pub put: Put,
    pub verdict: &'static str,
}

/// Longer than any field that has no limit of its own.
const LONG: usize = 20_000;
/// Deeper than any recursion; and as deep as a frame has room for.
const DEPTHS: [usize; 2] = [200, 20_000];
const UUID: &str = "0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f";

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The values of the wrong JSON type, and texts of the wrong form.
fn wrong_types(sort: Sort) -> Vec<String> {
    let values: &[&str] = match sort {
        Sort::Text(_) => &["7", "true", r#"["x"]"#, r#"{"x":"x"}"#],
        Sort::Id => &[
            "7",
            "true",
            r#"["0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f"]"#,
            r#"{"x":"x"}"#,
            r#""no uuid""#,
            r#""0190F5C2-7B1E-7C3D-8E4F-5A6B7C8D9E0F""#,
            r#""0190f5c27b1e7c3d8e4f5a6b7c8d9e0f""#,
            r#""{0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f}""#,
            r#"" 0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f""#,
        ],
        // `{word: null}` is how some libraries write a word.
        Sort::Word => &["7", "true", "[]", r#""nonsense""#, r#"{"$good":null}"#],
        Sort::Number => &["true", r#""1""#, "[1]", "{}"],
        Sort::Flag => &["0", "1", r#""true""#, "[]", "{}"],
        Sort::List(..) => &["7", "true", r#""x""#, "{}", r#"{"0":"x"}"#],
        // Fields in their order are how some libraries write an object.
        Sort::Object => &["7", "true", r#""x""#, "[]", r#"["x"]"#, "$values"],
    };
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Where a field stands: in JSON, or in a path or query, where everything is text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Json,
    Url,
}

/// The same for a parameter of a path or query.
fn puts_into_url(class: &str, sort: Sort, value: Option<&str>) -> Vec<Put> {
    match (class, sort) {
        ("type", Sort::Text(_)) | ("deep", _) => Vec::new(),
        ("empty", _) => vec![Put::Raw(String::new())],
        ("type", Sort::Number) => ["x", "true", "1x", "0x1", "[1]"].map(|raw| Put::Raw(raw.into())).into(),
        _ => puts(class, sort, value),
    }
}

/// What a class of faults puts into a field of this sort; nothing if it can't befall it.
fn puts(class: &str, sort: Sort, value: Option<&str>) -> Vec<Put> {
    let raw = |texts: &[&str]| texts.iter().map(|text| Put::Raw((*text).to_owned())).collect();
    let many = |item: &str, count: usize| Put::Raw(format!("[{}]", vec![item; count].join(",")));
    let text = |length: usize| Put::Raw(quoted(&"x".repeat(length)));
    match (class, sort) {
        ("missing", _) => vec![Put::Nothing],
        ("null", _) => raw(&["null"]),
        ("type", sort) => wrong_types(sort).into_iter().map(Put::Raw).collect(),
        ("empty", Sort::List(..)) => raw(&["[]"]),
        ("empty", Sort::Object) => raw(&["{}"]),
        ("empty", sort) if sort.is_text() => raw(&[r#""""#]),
        ("unknown", Sort::Object) => vec![Put::Beside],
        ("full", Sort::Text(Some(max))) => vec![text(max)],
        ("full", Sort::List(max, item)) => vec![many(item, max)],
        ("long", Sort::Text(Some(max))) => vec![text(max + 1), text(max * 2 + LONG)],
        ("long", Sort::List(max, item)) => vec![many(item, max + 1)],
        ("long", Sort::Id) => vec![Put::Raw(quoted(&format!("{UUID}0"))), text(LONG)],
        ("long", Sort::Text(None) | Sort::Word) => vec![text(LONG)],
        ("deep", _) => {
            DEPTHS.iter().map(|depth| Put::Raw("[".repeat(*depth) + &"]".repeat(*depth))).collect()
        }
        ("nul", sort) if sort.is_text() => raw(&[r#""$good\u0000""#, r#""\u0000""#]),
        ("surrogate", sort) if sort.is_text() => raw(&[r#""\ud800""#, r#""\udc00\ud800""#]),
        ("0" | "-1" | "1.5", Sort::Number) => raw(&[class]),
        ("2^53", Sort::Number) => raw(&["9007199254740992"]),
        ("1e400", Sort::Number) => raw(&["1e400", "-1e400"]),
        ("twice", _) => vec![Put::Twice],
        ("foreign", _) => value.map(|value| Put::Raw(value.to_owned())).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A field without a name of its own: an item of a list, or the whole.
fn has_no_name(field: &str) -> bool {
    let last = field.rsplit('.').next().unwrap_or_default();
    last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit())
}

/// The faults of one field: `cells` are the columns of its classes. A class that can befall it must
/// have a verdict, and one that can't must have none.
pub fn of(field: &str, sort: Sort, place: Place, cells: &[(&'static str, &'static str)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (class, cell) in cells {
        let (verdict, value) = verdict_of(cell);
        let mut puts = match place {
            Place::Json => puts(class, sort, value),
            Place::Url => puts_into_url(class, sort, value),
        };
        if has_no_name(field) && ["missing", "twice"].contains(class) || field == "." && *class != "unknown" {
            puts.clear();
        }
        assert_eq!(puts.is_empty(), verdict == "-", "{field}: {class} of {sort:?} is {cell:?}");
        for (number, put) in puts.into_iter().enumerate() {
            let name = format!("{field} {class} ({})", number + 1);
            faults.push(Fault { name, put, verdict });
        }
    }
    faults
}
