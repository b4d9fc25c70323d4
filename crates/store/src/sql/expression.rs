//! Expressions of `run sql`: what [`gate`](super::gate) does for the rest of a statement.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, InTarget, TrimWhereField, UnaryOperator, Value,
};

use super::gate::{Writer, one_part};
use super::tables;

fn not_taken(what: &impl std::fmt::Display) -> String {
    let words: String = what.to_string().chars().filter(|letter| !letter.is_control()).take(200).collect();
    format!("run sql does not take `{words}`")
}

impl Writer {
    pub(super) fn expression(&mut self, expression: &Expr) -> Result<(), String> {
        self.deeper(|writer| writer.one_expression(expression))
    }

    /// Brackets around an expression: what belongs together is as the parser saw it, whatever precedence the database knows.
    fn bracketed(&mut self, expression: &Expr) -> Result<(), String> {
        self.add("(");
        self.expression(expression)?;
        self.add(")");
        Ok(())
    }

    fn suffixed(&mut self, expression: &Expr, suffix: &str) -> Result<(), String> {
        self.bracketed(expression)?;
        self.add(suffix);
        Ok(())
    }

    /// `a + b + c` is `(a + b) + c`: as deep to the left as it is long, so the left side is followed without going down.
    fn chain(&mut self, expression: &Expr) -> Result<(), String> {
        let (mut first, mut rest) = (expression, Vec::new());
        while let Expr::BinaryOp { left, op, right } = first {
            rest.push((operator(op).ok_or_else(|| not_taken(op))?, right));
            first = left;
        }
        self.add(&"(".repeat(rest.len()));
        self.bracketed(first)?;
        for (operator, right) in rest.into_iter().rev() {
            self.add(operator);
            self.bracketed(right)?;
            self.add(")");
        }
        Ok(())
    }

    fn one_expression(&mut self, expression: &Expr) -> Result<(), String> {
        match expression {
            // Both kinds of quotes are around texts in Informix [sources/database#sql].
            Expr::Identifier(name) if name.quote_style == Some('"') => {
                self.text(&name.value);
                Ok(())
            }
            Expr::Identifier(name) => self.name(&name.value),
            Expr::CompoundIdentifier(parts) => {
                let [table, column] = parts.as_slice() else { return Err(not_taken(expression)) };
                self.name(&table.value)?;
                self.add(".");
                self.name(&column.value)
            }
            Expr::Value(value) => self.value(&value.value),
            Expr::Nested(inner) => self.bracketed(inner),
            Expr::IsNull(inner) => self.suffixed(inner, " IS NULL"),
            Expr::IsNotNull(inner) => self.suffixed(inner, " IS NOT NULL"),
            Expr::IsTrue(inner) => self.suffixed(inner, " IS TRUE"),
            Expr::IsFalse(inner) => self.suffixed(inner, " IS FALSE"),
            Expr::IsNotTrue(inner) => self.suffixed(inner, " IS NOT TRUE"),
            Expr::IsNotFalse(inner) => self.suffixed(inner, " IS NOT FALSE"),
            Expr::UnaryOp { op, expr } => {
                self.add(match op {
                    UnaryOperator::Plus => "+",
                    UnaryOperator::Minus => "-",
                    UnaryOperator::Not => "NOT ",
                    _ => return Err(not_taken(expression)),
                });
                self.bracketed(expr)
            }
            Expr::BinaryOp { .. } => self.chain(expression),
            Expr::Between { expr, negated, low, high } => {
                self.bracketed(expr)?;
                self.add(if *negated { " NOT BETWEEN " } else { " BETWEEN " });
                self.bracketed(low)?;
                self.add(" AND ");
                self.bracketed(high)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.bracketed(expr)?;
                self.add(if *negated { " NOT LIKE " } else { " LIKE " });
                self.bracketed(pattern)?;
                if let Some(escape) = escape_char {
                    self.add(" ESCAPE ");
                    self.bracketed(escape)?;
                }
                Ok(())
            }
            Expr::In { expr, target, negated, global: false } => {
                self.bracketed(expr)?;
                self.add(if *negated { " NOT IN " } else { " IN " });
                match target {
                    InTarget::List(all) => {
                        self.add("(");
                        self.list(all, Self::expression)?;
                        self.add(")");
                        Ok(())
                    }
                    InTarget::Subquery(query) => self.subquery(query),
                    InTarget::Unnest(_) | InTarget::Table { .. } => Err(not_taken(expression)),
                }
            }
            Expr::Exists { subquery, negated } => {
                self.add(if *negated { "NOT EXISTS " } else { "EXISTS " });
                self.subquery(subquery)
            }
            Expr::Subquery(query) => self.subquery(query),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.add("CASE");
                if let Some(operand) = operand {
                    self.add(" ");
                    self.bracketed(operand)?;
                }
                for when in conditions {
                    self.add(" WHEN ");
                    self.bracketed(&when.condition)?;
                    self.add(" THEN ");
                    self.bracketed(&when.result)?;
                }
                if let Some(otherwise) = else_result {
                    self.add(" ELSE ");
                    self.bracketed(otherwise)?;
                }
                self.add(" END");
                Ok(())
            }
            Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None } => {
                let kind = cast(data_type).ok_or_else(|| not_taken(expression))?;
                self.add("CAST(");
                self.expression(expr)?;
                self.add(kind);
                Ok(())
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, special: _, shorthand: _ } => {
                self.add("substr(");
                self.expression(expr)?;
                self.add(", ");
                self.expression(from)?;
                if let Some(length) = substring_for {
                    self.add(", ");
                    self.expression(length)?;
                }
                self.add(")");
                Ok(())
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                self.add(match trim_where {
                    None | Some(TrimWhereField::Both) => "trim(",
                    Some(TrimWhereField::Leading) => "ltrim(",
                    Some(TrimWhereField::Trailing) => "rtrim(",
                });
                self.expression(expr)?;
                if let Some(what) = trim_what {
                    self.add(", ");
                    self.expression(what)?;
                }
                self.add(")");
                Ok(())
            }
            Expr::Function(function) => self.function(function),
            _ => Err(not_taken(expression)),
        }
    }

    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Number(digits, false) => {
                let proper = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
                if !proper || digits.len() > 64 {
                    return Err(not_taken(value));
                }
                self.add(digits);
            }
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => self.text(text),
            Value::Null => self.add("NULL"),
            Value::Boolean(true) => self.add("TRUE"),
            Value::Boolean(false) => self.add("FALSE"),
            _ => return Err(not_taken(value)),
        }
        Ok(())
    }

    fn function(&mut self, call: &Function) -> Result<(), String> {
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } = call;
        let word = &one_part(name)?.value;
        let Some(function) = tables::function(word) else {
            let names: Vec<&str> = tables::FUNCTIONS.iter().map(|(word, _)| *word).collect();
            return Err(format!("run sql knows no function `{}`. It knows {}", word.escape_debug(), names.join(", ")));
        };
        let strange = *uses_odbc_syntax
            || *parameters != FunctionArguments::None
            || !within_group.is_empty()
            || filter.is_some()
            || null_treatment.is_some()
            || over.is_some();
        let FunctionArguments::List(FunctionArgumentList { duplicate_treatment, args, clauses }) = args else {
            return Err(not_taken(call));
        };
        if strange || !clauses.is_empty() {
            return Err(not_taken(call));
        }
        self.add(function);
        self.add("(");
        if *duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            self.add("DISTINCT ");
        }
        self.list(args, |writer, arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => writer.expression(expression),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {
                writer.add("*");
                Ok(())
            }
            _ => Err(not_taken(call)),
        })?;
        self.add(")");
        Ok(())
    }
}

const fn operator(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Plus => " + ",
        BinaryOperator::Minus => " - ",
        BinaryOperator::Multiply => " * ",
        BinaryOperator::Divide => " / ",
        BinaryOperator::Modulo => " % ",
        BinaryOperator::StringConcat => " || ",
        BinaryOperator::Gt => " > ",
        BinaryOperator::Lt => " < ",
        BinaryOperator::GtEq => " >= ",
        BinaryOperator::LtEq => " <= ",
        BinaryOperator::Eq => " = ",
        BinaryOperator::NotEq => " <> ",
        BinaryOperator::And => " AND ",
        BinaryOperator::Or => " OR ",
        _ => return None,
    })
}

const fn cast(kind: &DataType) -> Option<&'static str> {
    Some(match kind {
        DataType::Text | DataType::Varchar(_) | DataType::Char(_) => " AS TEXT)",
        DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) | DataType::SmallInt(_) => " AS INTEGER)",
        DataType::Real | DataType::Float(_) | DataType::Double(_) => " AS REAL)",
        _ => return None,
    })
}
