//! What a file defines, imports and names.

use std::collections::BTreeSet;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

/// A method that a file defines for a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// The type.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Whether every crate may call it.
    pub public: bool,
}

/// One `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What it is called here; `*` for all of a module.
    pub name: String,
    /// What it stands for.
    pub path: Vec<String>,
    /// Whether it is given on (`pub use`).
    pub given_on: bool,
}

/// One file.
#[derive(Debug, Default)]
pub struct FileFacts {
    /// Its name within the tree.
    pub name: String,
    /// The module that it is.
    pub module: Vec<String>,
    /// Names of types, functions, constants, traits, macros.
    pub items: BTreeSet<String>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Methods, and those of traits.
    pub methods: Vec<Method>,
    /// Paths that its code names.
    pub paths: BTreeSet<Vec<String>>,
    /// Methods of `self`, with its type.
    pub self_calls: BTreeSet<(String, String)>,
    /// Methods of anything else.
    pub calls: BTreeSet<String>,
    of: Option<String>,
}

impl FileFacts {
    /// Reads them.
    pub fn of(name: String, module: Vec<String>, file: &syn::File) -> Self {
        let mut facts = Self { name, module, ..Self::default() };
        facts.visit_file(file);
        facts
    }

    fn import(&mut self, tree: &syn::UseTree, before: &[String], given_on: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), given_on),
            syn::UseTree::Name(name) if name.ident == "self" => {
                let name = before.last().cloned().unwrap_or_default();
                self.imports.push(Import { name, path: before.to_vec(), given_on });
            }
            syn::UseTree::Name(name) => {
                self.imports.push(Import { name: name.ident.to_string(), path: with(&name.ident), given_on });
            }
            syn::UseTree::Rename(rename) => {
                self.imports.push(Import { name: rename.rename.to_string(), path: with(&rename.ident), given_on });
            }
            syn::UseTree::Glob(_) => {
                self.imports.push(Import { name: "*".to_owned(), path: before.to_vec(), given_on })
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, given_on);
                }
            }
        }
    }
}

/// Is this for tests only?
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::NameValue(_) => false,
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for FileFacts {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if for_tests(attributes(item)) {
            return;
        }
        let name = match item {
            syn::Item::Fn(item) => Some(&item.sig.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            syn::Item::Const(item) => Some(&item.ident),
            syn::Item::Static(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Macro(item) => item.ident.as_ref(),
            _ => None,
        };
        self.items.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let given_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], given_on);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let before = self.of.take();
        if let syn::Type::Path(path) = &*item.self_ty {
            self.of = path.path.segments.last().map(|segment| segment.ident.to_string());
        }
        if let (Some(of), None) = (&self.of, &item.trait_) {
            for member in &item.items {
                if let syn::ImplItem::Fn(method) = member {
                    let public = matches!(method.vis, syn::Visibility::Public(_));
                    self.methods.push(Method { of: of.clone(), name: method.sig.ident.to_string(), public });
                }
            }
        }
        visit::visit_item_impl(self, item);
        self.of = before;
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        for member in &item.items {
            if let syn::TraitItem::Fn(method) = member {
                let name = method.sig.ident.to_string();
                self.methods.push(Method { of: item.ident.to_string(), name, public: false });
            }
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let (Some(first), Some(of)) = (segments.first_mut(), &self.of)
            && first == "Self"
        {
            first.clone_from(of);
        }
        self.paths.insert(segments);
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        let is_self = matches!(&*call.receiver, syn::Expr::Path(path) if path.path.is_ident("self"));
        match &self.of {
            Some(of) if is_self => drop(self.self_calls.insert((of.clone(), name))),
            _ => drop(self.calls.insert(name)),
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        visit::visit_macro(self, called);
        let parser = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        // What is not a list of expressions is read by the macro alone.
        if let Ok(arguments) = called.parse_body_with(parser) {
            for argument in arguments {
                let mut inner = Self { of: self.of.clone(), ..Self::default() };
                inner.visit_expr(&argument);
                self.paths.append(&mut inner.paths);
                self.calls.append(&mut inner.calls);
                self.self_calls.append(&mut inner.self_calls);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_without_its_tests() {
        let text = "use super::a::{self, B as C}; pub use d::*; struct E;
            impl E { pub fn f(&self) { self.g(); let _ = format!(\"{}\", h::i(self.k().l())); } }
            #[cfg(test)] mod tests { use m::N; fn o() { p::q() } }";
        let facts = FileFacts::of(String::new(), Vec::new(), &syn::parse_file(text).unwrap());
        let import = |name: &str, path: &[&str], given_on| Import {
            name: name.to_owned(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            given_on,
        };
        let expected =
            [import("a", &["super", "a"], false), import("C", &["super", "a", "B"], false), import("*", &["d"], true)];
        assert_eq!(facts.imports, expected);
        assert_eq!(facts.methods, [Method { of: "E".to_owned(), name: "f".to_owned(), public: true }]);
        assert!(facts.paths.contains(&vec!["h".to_owned(), "i".to_owned()]));
        assert!(!facts.paths.contains(&vec!["p".to_owned(), "q".to_owned()]));
        let calls = [("E".to_owned(), "g".to_owned()), ("E".to_owned(), "k".to_owned())];
        assert_eq!(facts.self_calls.into_iter().collect::<Vec<_>>(), calls);
        assert_eq!(facts.calls.into_iter().collect::<Vec<_>>(), ["l"]);
    }
}
