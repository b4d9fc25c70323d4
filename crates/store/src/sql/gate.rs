//! The gate of `run sql`: what an administrator typed is read by a parser, and what is run is written anew from what was understood.
//!
//! Nothing of the typed text reaches the database as it is. Names are looked up in `tables` and quoted here, texts are quoted
//! here, a table is put in as a sub-select of the columns that are shown, so that no name, asterisk or row number can reach another
//! one. A form that is not written out below is refused; so is every field of a form that SQL has and `run sql` does not need.

use sqlparser::ast::{
    Distinct, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, ObjectNamePart, OrderBy,
    OrderByKind, OrderBySort, Query, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, Statement, TableAlias, TableFactor, TableWithJoins, Value,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::tables;
use crate::StoreError;

/// Bytes of a statement: twice a line of the shell.
pub const LENGTH_LIMIT: usize = 16 * 1024;

/// Brackets and sub-selects inside each other that are read: more than a person writes, and little of the stack.
const PARSER_DEPTH: usize = 30;

/// Words, numbers and signs of a statement: a chain of them is as deep as it is long.
const TOKENS: usize = 4000;

/// Stack of the thread that reads a statement: some 30 KB for each bracket in a program that is not optimised, and a chain of
/// [`TOKENS`] overflows 16 MiB when it is given back. Only what is used of it is taken from the machine.
const STACK: usize = 128 << 20;

/// Forms inside each other that are written out.
const DEPTH: usize = 100;

/// Tables of one statement, those of sub-selects counted too.
const TABLES: usize = 16;

/// A statement that passed the gate, as the database gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    sql: String,
}

impl Question {
    /// Reads a statement.
    ///
    /// # Errors
    /// [`StoreError::NotASelect`]: no `select`, more than one, or one of what is not shown.
    pub fn read(statement: &str) -> Result<Self, StoreError> {
        // The parser and what it makes go down into themselves as deep as the statement is nested: on a stack that is known.
        let read = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("run sql".into()).stack_size(STACK);
            let reader = thread.spawn_scoped(scope, || Self::checked(statement));
            reader.map(|reader| reader.join().unwrap_or_else(|_| Err("run sql cannot read this statement".to_owned())))
        });
        read.unwrap_or_else(|error| Err(format!("run sql: no thread for it: {error}"))).map_err(StoreError::NotASelect)
    }

    fn checked(statement: &str) -> Result<Self, String> {
        if statement.len() > LENGTH_LIMIT {
            return Err(format!("run sql takes {LENGTH_LIMIT} bytes at most, these are {}", statement.len()));
        }
        if let Some(letter) = statement.chars().find(|letter| letter.is_control() && !letter.is_ascii_whitespace()) {
            return Err(format!("run sql takes no control characters, this has {}", letter.escape_unicode()));
        }
        let dialect = SQLiteDialect {};
        let tokens = Tokenizer::new(&dialect, statement).tokenize().map_err(|error| format!("run sql: {error}"))?;
        let (tokens, page) = take_informix_page(tokens)?;
        if tokens.len() > TOKENS {
            return Err(format!("run sql takes {TOKENS} words at most, these are {}", tokens.len()));
        }
        let mut parser = Parser::new(&dialect).with_recursion_limit(PARSER_DEPTH).with_tokens(tokens);
        let statements = parser.parse_statements().map_err(|error| format!("run sql: {error}"))?;
        let [Statement::Query(query)] = statements.as_slice() else {
            return Err("run sql takes one select statement; changes have commands of their own".to_owned());
        };
        let mut writer = Writer { sql: String::with_capacity(2 * statement.len()), tables: 0, depth: 0 };
        writer.query(query, page)?;
        Ok(Self { sql: writer.sql })
    }

    /// The statement as the database gets it.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

/// `SKIP n` and `FIRST n` of Informix.
#[derive(Default, Clone, Copy)]
struct Page {
    skip: Option<u64>,
    first: Option<u64>,
}

/// Takes `SKIP n FIRST n` out from behind the first `select` [sources/database#sql]: the parser does not know them.
fn take_informix_page(tokens: Vec<Token>) -> Result<(Vec<Token>, Page), String> {
    let mut page = Page::default();
    let mut rest = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).peekable();
    rest.extend(tokens.next_if(|token| matches!(token, Token::Word(word) if word.keyword == Keyword::SELECT)));
    while !rest.is_empty() {
        let Some(Token::Word(word)) = tokens.peek().cloned() else { break };
        let place = match word.value.to_ascii_lowercase().as_str() {
            "skip" if word.quote_style.is_none() => &mut page.skip,
            "first" if word.quote_style.is_none() => &mut page.first,
            _ => break,
        };
        let name = tokens.next();
        match tokens.peek() {
            Some(Token::Number(number, false)) => {
                let number =
                    number.parse().map_err(|_| format!("run sql: {} {number}: not a number of rows", word.value))?;
                *place = Some(number);
                tokens.next();
            }
            // A column of this name.
            _ => {
                rest.extend(name);
                break;
            }
        }
    }
    rest.extend(tokens);
    Ok((rest, page))
}

fn not_taken(what: &str) -> String {
    format!("run sql does not take {what}")
}

/// Fails when something is there that `run sql` does not take.
fn without(there: bool, what: &str) -> Result<(), String> {
    if there { Err(not_taken(what)) } else { Ok(()) }
}

pub(super) struct Writer {
    pub(super) sql: String,
    tables: usize,
    depth: usize,
}

impl Writer {
    pub(super) fn add(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// One form deeper; back out when `write` is done.
    pub(super) fn deeper(&mut self, write: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        if self.depth >= DEPTH {
            return Err(format!("run sql takes {DEPTH} forms inside each other at most"));
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// All of a list, with commas between.
    pub(super) fn list<T>(
        &mut self,
        all: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), String>,
    ) -> Result<(), String> {
        for (index, one) in all.iter().enumerate() {
            if index > 0 {
                self.add(", ");
            }
            write(self, one)?;
        }
        Ok(())
    }

    /// A name that is no secret's, in small letters and quoted.
    pub(super) fn name(&mut self, name: &str) -> Result<(), String> {
        let proper = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || name.len() > 64 || !proper {
            return Err(not_taken(&format!("the name `{}`", name.escape_debug())));
        }
        if let Some((table, column, what)) =
            tables::SECRET.iter().find(|(_, secret, _)| secret.eq_ignore_ascii_case(name))
            && !tables::SHOWN.iter().any(|shown| shown.columns.contains(column))
        {
            return Err(format!("the column {column} of {table} holds {what}, and is not shown"));
        }
        self.sql.push('"');
        self.sql.push_str(&name.to_ascii_lowercase());
        self.sql.push('"');
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) {
        self.sql.push('\'');
        self.sql.push_str(&text.replace('\'', "''"));
        self.sql.push('\'');
    }

    pub(super) fn subquery(&mut self, query: &Query) -> Result<(), String> {
        self.add("(");
        self.deeper(|writer| writer.query(query, Page::default()))?;
        self.add(")");
        Ok(())
    }

    fn query(&mut self, query: &Query, page: Page) -> Result<(), String> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        without(with.is_some(), "`with`: write the select in brackets after `from`")?;
        without(fetch.is_some(), "`fetch`: use `limit`")?;
        without(!locks.is_empty() || for_clause.is_some(), "`for`")?;
        without(
            settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty(),
            "what follows the select",
        )?;
        self.body(body)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by)?;
        }
        self.limit(limit_clause.as_ref(), page)
    }

    fn body(&mut self, body: &SetExpr) -> Result<(), String> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.deeper(|writer| writer.body(left))?;
                self.add(match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => " UNION ",
                    (SetOperator::Union, SetQuantifier::All) => " UNION ALL ",
                    (SetOperator::Intersect, SetQuantifier::None) => " INTERSECT ",
                    (SetOperator::Except, SetQuantifier::None) => " EXCEPT ",
                    _ => return Err(not_taken(&format!("`{op} {set_quantifier}`"))),
                });
                // Brackets would be no select to SQLite; without them the next one would be taken from the left.
                without(!matches!(**right, SetExpr::Select(_)), "brackets around a select after `union`")?;
                self.deeper(|writer| writer.body(right))
            }
            _ => Err("run sql takes one select statement; changes have commands of their own".to_owned()),
        }
    }

    fn select(&mut self, select: &Select) -> Result<(), String> {
        // All fields by name: one that a later parser brings does not pass unseen.
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        without(into.is_some(), "`into`")?;
        without(top.is_some(), "`top`: use `first` or `limit`")?;
        without(!named_window.is_empty(), "`window`")?;
        let strange = !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || *flavor != SelectFlavor::Standard;
        without(strange, "this form of select")?;
        self.add("SELECT ");
        match distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => self.add("DISTINCT "),
            Some(Distinct::On(_)) => return Err(not_taken("`distinct on`")),
        }
        self.list(projection, Self::item)?;
        if !from.is_empty() {
            self.add(" FROM ");
            self.list(from, Self::joined)?;
        }
        if let Some(selection) = selection {
            self.add(" WHERE ");
            self.expression(selection)?;
        }
        let GroupByExpr::Expressions(groups, modifiers) = group_by else { return Err(not_taken("`group by all`")) };
        without(!modifiers.is_empty(), "what follows `group by`")?;
        if !groups.is_empty() {
            self.add(" GROUP BY ");
            self.list(groups, Self::expression)?;
        }
        if let Some(having) = having {
            self.add(" HAVING ");
            self.expression(having)?;
        }
        Ok(())
    }

    /// A column of the answer. It gets a name here: that of the column, or the words as they were typed.
    fn item(&mut self, item: &SelectItem) -> Result<(), String> {
        match item {
            SelectItem::UnnamedExpr(expression) => {
                self.expression(expression)?;
                let title = expression.to_string();
                let column = title.rsplit('.').next().unwrap_or_default();
                let plain = matches!(
                    expression,
                    sqlparser::ast::Expr::Identifier(_) | sqlparser::ast::Expr::CompoundIdentifier(_)
                ) && column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                self.add(" AS ");
                if plain { self.name(column) } else { self.title(&title) }
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                self.expression(expr)?;
                self.add(" AS ");
                self.name(&alias.value)
            }
            SelectItem::Wildcard(options) => {
                without(options.to_string() != "", "what stands behind `*`")?;
                self.add("*");
                Ok(())
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                without(options.to_string() != "", "what stands behind `*`")?;
                self.name(&one_part(name)?.value)?;
                self.add(".*");
                Ok(())
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
            | SelectItem::ExprWithAliases { .. } => Err(not_taken(&format!("`{item}`"))),
        }
    }

    /// The head of a column that is no name: the words as they were typed, as far as they are short.
    fn title(&mut self, words: &str) -> Result<(), String> {
        let words: String = words.chars().filter(|letter| *letter != '"' && !letter.is_control()).take(64).collect();
        self.sql.push('"');
        self.sql.push_str(&words);
        self.sql.push('"');
        Ok(())
    }

    fn joined(&mut self, table: &TableWithJoins) -> Result<(), String> {
        self.table(&table.relation)?;
        table.joins.iter().try_for_each(|join| self.join(join))
    }

    fn join(&mut self, join: &Join) -> Result<(), String> {
        let Join { relation, global, join_operator } = join;
        without(*global, "`global`")?;
        let (word, constraint) = match join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (" JOIN ", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (" LEFT JOIN ", constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (" RIGHT JOIN ", constraint),
            JoinOperator::FullOuter(constraint) => (" FULL JOIN ", constraint),
            JoinOperator::CrossJoin(constraint) => (" CROSS JOIN ", constraint),
            _ => return Err(not_taken("this kind of join")),
        };
        if matches!(constraint, JoinConstraint::Natural) {
            self.add(" NATURAL");
        }
        self.add(word);
        self.table(relation)?;
        match constraint {
            JoinConstraint::On(condition) => {
                self.add(" ON ");
                self.expression(condition)
            }
            JoinConstraint::Using(columns) => {
                self.add(" USING (");
                self.list(columns, |writer, column| writer.name(&one_part(column)?.value))?;
                self.add(")");
                Ok(())
            }
            JoinConstraint::Natural | JoinConstraint::None => Ok(()),
            JoinConstraint::UsingAlias(..) => Err(not_taken("this kind of join")),
        }
    }

    fn table(&mut self, table: &TableFactor) -> Result<(), String> {
        match table {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_directives,
                inheritance,
            } => {
                let strange = !with_hints.is_empty()
                    || version.is_some()
                    || *with_ordinality
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || sample.is_some()
                    || !index_directives.is_empty()
                    || inheritance.is_some();
                without(strange, "what follows the name of a table")?;
                without(args.is_some(), "a function as a table")?;
                let name = &one_part(name)?.value;
                self.shown(name)?;
                match alias {
                    Some(alias) => self.alias(alias),
                    None => {
                        self.add(" AS ");
                        self.name(name)
                    }
                }
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                without(*lateral || sample.is_some(), "`lateral` and samples")?;
                self.subquery(subquery)?;
                alias.as_ref().map_or(Ok(()), |alias| self.alias(alias))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                without(alias.is_some(), "a name for a join")?;
                self.add("(");
                self.deeper(|writer| writer.joined(table_with_joins))?;
                self.add(")");
                Ok(())
            }
            _ => Err(not_taken("this form behind `from`")),
        }
    }

    /// A table: a select of the columns that are shown.
    fn shown(&mut self, table: &str) -> Result<(), String> {
        self.tables += 1;
        if self.tables > TABLES {
            return Err(format!("run sql takes {TABLES} tables at most"));
        }
        if let Some((table, _, what)) = tables::SECRET.iter().find(|(secret, ..)| secret.eq_ignore_ascii_case(table))
            && tables::columns(table).is_none()
        {
            return Err(format!("the table {table} holds {what}, and is not shown"));
        }
        let Some(columns) = tables::columns(table) else {
            let names: Vec<&str> = tables::SHOWN.iter().map(|shown| shown.table).collect();
            let table = table.escape_debug();
            return Err(format!("run sql shows no table `{table}`. It shows {}", names.join(", ")));
        };
        self.add("(SELECT ");
        self.list(columns, |writer, column| writer.name(column))?;
        self.add(" FROM ");
        self.name(table)?;
        self.add(")");
        Ok(())
    }

    fn alias(&mut self, alias: &TableAlias) -> Result<(), String> {
        let TableAlias { explicit: _, name, columns, at } = alias;
        without(!columns.is_empty() || at.is_some(), "names of columns after the name of a table")?;
        self.add(" AS ");
        self.name(&name.value)
    }

    fn order_by(&mut self, order_by: &OrderBy) -> Result<(), String> {
        let OrderBy { kind: OrderByKind::Expressions(all), interpolate: None } = order_by else {
            return Err(not_taken("this form of `order by`"));
        };
        self.add(" ORDER BY ");
        self.list(all, |writer, one| {
            without(one.with_fill.is_some(), "`with fill`")?;
            writer.expression(&one.expr)?;
            match &one.options.sort {
                Some(OrderBySort::Desc) => writer.add(" DESC"),
                Some(OrderBySort::Asc) | None => {}
                Some(OrderBySort::Using(_)) => return Err(not_taken("`order by using`")),
            }
            match one.options.nulls_first {
                Some(true) => writer.add(" NULLS FIRST"),
                Some(false) => writer.add(" NULLS LAST"),
                None => {}
            }
            Ok(())
        })
    }

    fn limit(&mut self, clause: Option<&LimitClause>, page: Page) -> Result<(), String> {
        let (mut limit, mut offset) = (page.first, page.skip);
        let twice = limit.is_some() || offset.is_some();
        match clause {
            None => {}
            Some(_) if twice => return Err(not_taken("`first` or `skip` together with `limit`")),
            Some(LimitClause::LimitOffset { limit: rows, offset: from, limit_by }) => {
                without(!limit_by.is_empty(), "`limit by`")?;
                limit = rows.as_ref().map(count).transpose()?;
                offset = from.as_ref().map(|from| count(&from.value)).transpose()?;
            }
            Some(LimitClause::OffsetCommaLimit { offset: from, limit: rows }) => {
                (limit, offset) = (Some(count(rows)?), Some(count(from)?));
            }
        }
        match (limit, offset) {
            (None, None) => {}
            (Some(limit), None) => self.add(&format!(" LIMIT {limit}")),
            (limit, Some(offset)) => {
                let limit = limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
                self.add(&format!(" LIMIT {limit} OFFSET {offset}"));
            }
        }
        Ok(())
    }
}

/// A name without a dot: no other database, no owner.
pub(super) fn one_part(name: &ObjectName) -> Result<&Ident, String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(part)] => Ok(part),
        _ => Err(not_taken(&format!("the name `{}`", name.to_string().escape_debug()))),
    }
}

/// A number of rows, as digits.
fn count(expression: &sqlparser::ast::Expr) -> Result<u64, String> {
    let digits = match expression {
        sqlparser::ast::Expr::Value(value) => match &value.value {
            Value::Number(digits, false) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    // SQLite counts in 63 bits.
    digits
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| not_taken(&format!("`limit {expression}`: a number is wanted")))
}
