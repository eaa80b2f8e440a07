//! Expressions that say where a value is.
//!
//! Owns the crate for JMESPath. A plain chain such as `a.b[0].c` is walked on the raw bytes of a
//! record. All other expressions are evaluated by the crate on the parsed record. An expression
//! cannot loop. An expression whose result could be much larger than the record is refused when
//! the expression is compiled, and a result that is too large is never made.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jmespath::ast::Ast;
use jmespath::{Rcvar, Variable};

use crate::raw;

/// Longest expression in bytes.
const LONGEST: usize = 2_000;
/// Deepest nesting of brackets. The parser of the crate calls itself for each bracket.
const DEEPEST: usize = 64;
/// Largest ratio of the size of a result to the size of the record.
const MOST_GROWTH: u64 = 100;
/// Largest number in a slice.
const LARGEST_SLICE: u32 = 1_000_000;
/// Bytes of a literal that count as a growth of one: an element of a list has at least three bytes.
const ELEMENT: u64 = 3;
/// Largest result in bytes.
pub(super) const LARGEST_RESULT: usize = 1 << 20;
/// Largest record in bytes that is parsed for an expression. A parsed record takes many times the
/// memory of its bytes.
const LARGEST_RECORD: usize = 1 << 20;

/// A compiled expression.
#[derive(Clone)]
pub(crate) struct Expression {
    text: String,
    form: ExpressionForm,
}

#[derive(Clone)]
enum ExpressionForm {
    /// Plain chains of names and indexes. The first chain with a value counts: `a.b || c`.
    Chains(Vec<Vec<ChainStep>>),
    Full(jmespath::Expression<'static>),
}

/// One step of a plain chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChainStep {
    Name(String),
    Index(usize),
}

/// Why an expression cannot be compiled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadExpression {
    /// Offset of the wrong part in bytes.
    pub(super) offset: usize,
    pub(super) why: String,
}

/// A record that is parsed when the first expression needs the parsed form.
pub(crate) struct ParsedRecord<'r> {
    raw: &'r str,
    parsed: Option<Result<Rcvar, String>>,
}

impl<'r> ParsedRecord<'r> {
    pub(crate) fn of(raw: &'r str) -> ParsedRecord<'r> {
        ParsedRecord { raw, parsed: None }
    }

    fn parsed(&mut self) -> Result<Rcvar, String> {
        let raw = self.raw;
        let parse = || {
            if raw.len() > LARGEST_RECORD {
                return Err(format!(
                    "the record has more than {} MiB, so only plain expressions such as `a.b[0]` \
                     can be evaluated",
                    LARGEST_RECORD >> 20
                ));
            }
            let parsed = Variable::from_json(raw).map(Rcvar::new);
            parsed.map_err(|why| format!("the record cannot be parsed: {why}"))
        };
        self.parsed.get_or_insert_with(parse).clone()
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Fails if the text is not JMESPath, or if the result could be too large.
    pub(super) fn compile(text: &str) -> Result<Expression, BadExpression> {
        if text.len() > LONGEST {
            let why = format!("the expression has more than {LONGEST} bytes");
            return Err(BadExpression { offset: LONGEST, why });
        }
        if let Some(offset) = too_deep(text) {
            let why = format!("the expression has more than {DEEPEST} nested brackets");
            return Err(BadExpression { offset, why });
        }
        let compiled = jmespath::compile(text).map_err(|error| {
            let offset = text.char_indices().nth(error.offset).map_or(text.len(), |(at, _)| at);
            BadExpression { offset, why: reason(&error) }
        })?;
        if has_large_slice(compiled.as_ast()) {
            let why = format!("a part of a list is at most {LARGEST_SLICE} elements away");
            return Err(BadExpression { offset: 0, why });
        }
        if growth(compiled.as_ast()) > MOST_GROWTH {
            let why = format!(
                "the result could be more than {MOST_GROWTH} times as large as the record; use a \
                 simpler expression"
            );
            return Err(BadExpression { offset: 0, why });
        }
        let mut chains = Vec::new();
        let form = match are_chains(compiled.as_ast(), &mut chains) {
            true => ExpressionForm::Chains(chains),
            false => ExpressionForm::Full(compiled),
        };
        Ok(Expression { text: text.to_owned(), form })
    }

    /// Returns the expression as the owner wrote the expression.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the steps, if the expression is a plain chain.
    pub(super) fn steps(&self) -> Option<&[ChainStep]> {
        match self.chains() {
            Some([steps]) => Some(steps),
            _ => None,
        }
    }

    /// Returns the chains, of which the first chain with a value counts, if the expression has no
    /// other parts.
    pub(super) fn chains(&self) -> Option<&[Vec<ChainStep>]> {
        match &self.form {
            ExpressionForm::Chains(chains) => Some(chains),
            ExpressionForm::Full(_) => None,
        }
    }

    /// Returns the raw value in a record; `None` for null and for nothing.
    ///
    /// # Errors
    /// Fails if the expression cannot be evaluated on this record.
    pub(crate) fn find<'r>(
        &self,
        record: &mut ParsedRecord<'r>,
    ) -> Result<Option<Cow<'r, str>>, String> {
        match &self.form {
            ExpressionForm::Chains(chains) => {
                let found = chains.iter().map(|steps| walk(record.raw, steps));
                Ok(first(found).map(Cow::Borrowed))
            }
            ExpressionForm::Full(expression) => {
                let record = record.parsed()?;
                // A fault of the crate must cost one field, not the program.
                let found = catch_unwind(AssertUnwindSafe(|| expression.search(record)))
                    .map_err(|_| "the expression cannot be evaluated".to_owned())?;
                let found = found.map_err(|error| reason(&error))?;
                if found.is_null() {
                    return Ok(None);
                }
                let mut text = Capped(Vec::new());
                match serde_json::to_writer(&mut text, &*found) {
                    Ok(()) => Ok(String::from_utf8(text.0).ok().map(Cow::Owned)),
                    Err(_) => Err(format!("its value has more than {LARGEST_RESULT} bytes")),
                }
            }
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.text == other.text
    }
}

/// Follows the steps of a chain. Returns `None` for null and for nothing.
pub(super) fn walk<'r>(raw: &'r str, steps: &[ChainStep]) -> Option<&'r str> {
    let Some((step, rest)) = steps.split_first() else {
        return (raw != "null").then_some(raw);
    };
    let mut found = None;
    match step {
        ChainStep::Name(name) if raw.starts_with('{') => {
            let each = |key: &'r str, value| {
                if is_named(key, name) {
                    found = Some(value);
                }
            };
            raw::each_field(raw, each).ok()?;
        }
        ChainStep::Index(index) if raw.starts_with('[') => {
            let mut at = 0;
            raw::each_item(raw, |item| {
                if at == *index {
                    found = Some(item);
                }
                at += 1;
            });
        }
        _ => {}
    }
    walk(found?, rest)
}

/// Returns the first value that JMESPath counts as true, or else the last value.
pub(super) fn first<'r>(mut found: impl Iterator<Item = Option<&'r str>>) -> Option<&'r str> {
    let mut last = None;
    found
        .find_map(|value| {
            last = value;
            value.filter(|raw| !is_false(raw))
        })
        .or(last)
}

/// Whether JMESPath counts a raw value as false.
pub(super) fn is_false(raw: &str) -> bool {
    match raw.as_bytes() {
        [] | b"null" | b"false" | [b'"', b'"'] => true,
        [b'[', inside @ .., b']'] | [b'{', inside @ .., b'}'] => inside.trim_ascii().is_empty(),
        _ => false,
    }
}

/// Whether a raw name, with its quotes, is this name.
pub(super) fn is_named(raw_name: &str, name: &str) -> bool {
    let inside = &raw_name[1..raw_name.len() - 1];
    if inside.contains('\\') {
        raw::name(raw_name).is_ok_and(|read| read == name)
    } else {
        inside == name
    }
}

/// Adds the chains of an expression. Returns `false` if the expression has other parts.
fn are_chains(ast: &Ast, chains: &mut Vec<Vec<ChainStep>>) -> bool {
    if let Ast::Or { lhs, rhs, .. } = ast {
        return are_chains(lhs, chains) && are_chains(rhs, chains);
    }
    let mut steps = Vec::new();
    let is_chain = is_chain(ast, &mut steps);
    chains.push(steps);
    is_chain
}

/// Adds the steps of a plain chain. Returns `false` for every other expression.
fn is_chain(ast: &Ast, steps: &mut Vec<ChainStep>) -> bool {
    match ast {
        Ast::Field { name, .. } => {
            steps.push(ChainStep::Name(name.clone()));
            true
        }
        Ast::Index { idx, .. } => match usize::try_from(*idx) {
            Ok(index) => {
                steps.push(ChainStep::Index(index));
                true
            }
            Err(_) => false,
        },
        Ast::Subexpr { lhs, rhs, .. } => is_chain(lhs, steps) && is_chain(rhs, steps),
        _ => false,
    }
}

/// Returns the offset of the first bracket that is nested too deep. Brackets in quotes count too,
/// because no sensible expression has so many.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'!' | b'&' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(at);
        }
    }
    None
}

/// Whether a slice has a number that is too large. The crate adds the step to an index of 32 bits.
fn has_large_slice(ast: &Ast) -> bool {
    let any = |mut all: &mut dyn Iterator<Item = &Ast>| Iterator::any(&mut all, has_large_slice);
    match ast {
        Ast::Slice { start, stop, step, .. } => {
            let mut numbers = start.iter().chain(stop).chain([step]);
            numbers.any(|number| number.unsigned_abs() > LARGEST_SLICE)
        }
        Ast::Literal { .. } | Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } => false,
        Ast::Comparison { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. } => has_large_slice(lhs) || has_large_slice(rhs),
        Ast::Condition { predicate, then, .. } => {
            has_large_slice(predicate) || has_large_slice(then)
        }
        Ast::Not { node, .. }
        | Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::ObjectValues { node, .. } => has_large_slice(node),
        Ast::MultiList { elements, .. } => any(&mut elements.iter()),
        Ast::MultiHash { elements, .. } => any(&mut elements.iter().map(|pair| &pair.value)),
        Ast::Function { args, .. } => any(&mut args.iter()),
    }
}

/// Returns how many times a result may be as large as the record.
fn growth(ast: &Ast) -> u64 {
    let sum = |all: &mut dyn Iterator<Item = &Ast>| {
        all.fold(0_u64, |sum, ast| sum.saturating_add(growth(ast))).max(1)
    };
    let product = |all: &mut dyn Iterator<Item = &Ast>| {
        all.fold(1_u64, |product, ast| product.saturating_mul(growth(ast)))
    };
    match ast {
        Ast::Literal { value, .. } => (value.to_string().len() as u64).div_ceil(ELEMENT).max(1),
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Slice { .. } => 1,
        Ast::Comparison { lhs, rhs, .. } => growth(lhs).max(growth(rhs)),
        Ast::And { lhs, rhs, .. } | Ast::Or { lhs, rhs, .. } => growth(lhs).max(growth(rhs)),
        Ast::Condition { predicate, then, .. } => growth(predicate).max(growth(then)),
        Ast::Not { node, .. }
        | Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::ObjectValues { node, .. } => growth(node),
        Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => {
            growth(lhs).saturating_mul(growth(rhs))
        }
        Ast::MultiList { elements, .. } => {
            sum(&mut elements.iter()).saturating_add(elements.len() as u64)
        }
        Ast::MultiHash { elements, .. } => {
            let names: usize = elements.iter().map(|pair| pair.key.len() + ELEMENT as usize).sum();
            let names = (names as u64).div_ceil(ELEMENT);
            sum(&mut elements.iter().map(|pair| &pair.value)).saturating_add(names)
        }
        Ast::Function { name, args, .. } => match name.as_str() {
            // The second argument is repeated for each element of the first, or the other way round.
            "map" | "join" => product(&mut args.iter()),
            // Each quotation mark of a text gets a backslash.
            "to_string" => sum(&mut args.iter()).saturating_mul(2),
            _ => sum(&mut args.iter()),
        },
    }
}

/// Returns the reason of an error of the crate in one line.
fn reason(error: &jmespath::JmespathError) -> String {
    let text = error.reason.to_string();
    let line = text.lines().next().unwrap_or_default().trim_end_matches(['.', ':']);
    let mut letters = line.chars();
    match letters.next() {
        Some(first) => format!("{}{}", first.to_lowercase(), letters.as_str()),
        None => "the expression is not valid".to_owned(),
    }
}

/// A buffer of at most [`LARGEST_RESULT`] bytes.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_RESULT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(expression: &str, record: &str) -> Option<String> {
        let compiled = Expression::compile(expression).expect(expression);
        compiled.find(&mut ParsedRecord::of(record)).expect("a result").map(Cow::into_owned)
    }

    #[test]
    fn chains_are_walked_on_the_bytes_and_other_expressions_are_evaluated() {
        let record = r#"{"a": {"b": [{"c": 12345678901234567890123}, {"c": "x"}]}, "n": null,
            "People": [{"Type": "Actor", "Name": "A"}, {"Type": "Director", "Name": "D"}]}"#;
        assert_eq!(found("a.b[0].c", record).as_deref(), Some("12345678901234567890123"));
        assert_eq!(found("a.b[1].c", record).as_deref(), Some("\"x\""));
        assert_eq!(found("n", record), None);
        assert_eq!(found("a[0]", record), None);
        assert_eq!(found("a.b[7].c", record), None);
        assert_eq!(found("n || a.b[1].c", record).as_deref(), Some("\"x\""));
        assert_eq!(found("n || (n || length(People))", record).as_deref(), Some("2"));
        assert_eq!(found("People[?Type=='Director'].Name", record).as_deref(), Some("[\"D\"]"));
        assert_eq!(found("People[:1].Name", record).as_deref(), Some("[\"A\"]"));
    }

    #[test]
    fn an_expression_whose_result_could_grow_without_bound_is_refused() {
        let doubled = ["[@, @][]"; 12].join(" | ");
        let glue = format!("join('{}', a)", "x".repeat(1_000));
        let each = format!("a[*].[{}]", vec!["b"; 120].join(", "));
        let quoted = format!("{}a{}", "to_string([".repeat(12), "])".repeat(12));
        for expression in [doubled, glue, each, quoted, "a.".repeat(2_000)] {
            assert!(Expression::compile(&expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn a_slice_beyond_every_list_is_refused() {
        assert!(Expression::compile("b[1:2147483647:2147483647]").is_err());
        assert!(Expression::compile("a || [length(b[:-2147483647])]").is_err());
        assert_eq!(found("b[::2]", r#"{"b": [1, 2, 3]}"#).as_deref(), Some("[1,3]"));
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack_overflow() {
        for open in ["(", "[", "!", "a[?", "&", "f("] {
            let text = open.repeat(1_990 / open.len());
            assert!(Expression::compile(&text).is_err(), "{open}");
        }
        assert!(Expression::compile(&"a|".repeat(999)).is_err());
        assert!(Expression::compile(&format!("a{}", ".b".repeat(900))).is_ok());
    }

    #[test]
    fn a_fault_has_the_offset_of_the_wrong_part() {
        let bad = Expression::compile("a.b[").expect_err("a fault");
        assert!(bad.offset > 0 && !bad.why.is_empty(), "{bad:?}");
    }

    #[test]
    fn a_record_that_is_too_large_or_too_deep_is_not_parsed() {
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(LARGEST_RECORD));
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for record in [large, deep] {
            let full = Expression::compile("not_null(a, b)").expect("an expression");
            assert!(full.find(&mut ParsedRecord::of(&record)).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_chain_finds_what_the_crate_finds(
            values in proptest::collection::vec("[a-c]{0,2}|[0-9]{1,3}", 1..6),
            at in 0..4_usize,
        ) {
            let record = serde_json::json!({"a": [{"b c": values}, null, {"b c": 1}], "b": {"a": at}});
            let record = record.to_string();
            for chain in [
                format!("a[{at}].\"b c\"[{at}]"),
                "b.a".to_owned(),
                "a[2].\"b c\"".to_owned(),
                format!("a[0].\"b c\"[{at}] || c || b.a"),
                format!("c || a[0].\"b c\"[{at}]"),
            ] {
                let piped = format!("@ | {chain}");
                prop_assert_eq!(found(&chain, &record), found(&piped, &record), "{}", chain);
            }
        }
    }
}
