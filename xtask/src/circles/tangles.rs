//! Which file needs which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::Circle;
use super::facts::FileFacts;

/// Methods of the standard library and of crates that everybody uses: a call of such a name says nothing about our types.
const OF_EVERYBODY: &str = "\
    accept all and_then answer any as_bytes as_deref as_mut as_path as_ref as_secs as_slice as_str begin bind \
    bytes chain chars clear clone cloned close cmp collect commit concat connect contains contains_key copied \
    count decode drain encode end entry eq err execute expect extend fetch fetch_all filter filter_map find \
    find_map finish finished first flat_map flatten flush fmt fold for_each from get get_mut insert into \
    into_iter is_dir is_empty is_file is_none is_ok is_some is_some_and issuer iter iter_mut join keys kind \
    label last left len lines listen load lock map map_err matches max min name new next ok open parse path \
    poll pop position push push_str read reason recv remove replace retain rev run seconds send set shutdown \
    size skip sort split start starts_with state stop store subject swap take text then to_owned to_string \
    to_vec trim unwrap_or update values wait with write zip";

/// For each file (its number) the files that it needs, with the first thing it needs of each. `foreign` are names of methods that types of
/// other crates have.
pub fn needs(files: &[FileFacts], foreign: &HashSet<&str>) -> Vec<BTreeMap<usize, String>> {
    let house = House::new(files, foreign);
    files.iter().enumerate().map(|(number, file)| house.needs(number, file)).collect()
}

/// The modules and methods of a crate.
struct House<'files> {
    files: &'files [FileFacts],
    modules: HashMap<&'files [String], usize>,
    /// Files that define a method of a type, by both names.
    methods: HashMap<(&'files str, &'files str), usize>,
    /// Types that have a method of a name.
    types: HashMap<&'files str, BTreeSet<&'files str>>,
    foreign: &'files HashSet<&'files str>,
}

impl<'files> House<'files> {
    fn new(files: &'files [FileFacts], foreign: &'files HashSet<&'files str>) -> Self {
        let mut house =
            Self { files, modules: HashMap::new(), methods: HashMap::new(), types: HashMap::new(), foreign };
        for (number, file) in files.iter().enumerate() {
            house.modules.insert(&file.module, number);
            for method in &file.methods {
                house.methods.insert((&method.of, &method.name), number);
                house.types.entry(&method.name).or_default().insert(&method.of);
            }
        }
        house
    }

    fn needs(&self, own: usize, file: &FileFacts) -> BTreeMap<usize, String> {
        let mut needs = BTreeMap::new();
        let mut note = |needed: Option<usize>, what: &dyn Fn() -> String| {
            if let Some(needed) = needed.filter(|needed| *needed != own) {
                needs.entry(needed).or_insert_with(what);
            }
        };
        let imported =
            file.imports.iter().filter(|import| !import.given_on && import.name != "*").map(|import| &import.path);
        for path in imported.chain(&file.paths) {
            note(self.find(&file.module, path, &mut HashSet::new()), &|| path.join("::"));
        }
        for (of, name) in &file.self_calls {
            note(self.methods.get(&(of.as_str(), name.as_str())).copied(), &|| format!("{of}.{name}()"));
        }
        let ours = |name: &&String| {
            !self.foreign.contains(name.as_str()) && !OF_EVERYBODY.split(' ').any(|word| word == *name)
        };
        for name in file.calls.iter().filter(ours) {
            let Some(types) = self.types.get(name.as_str()).filter(|types| types.len() == 1) else { continue };
            for of in types {
                note(self.methods.get(&(*of, name.as_str())).copied(), &|| format!("{of}.{name}()"));
            }
        }
        needs
    }

    /// The file that defines what a path names, seen from a module; nothing for what is not ours.
    fn find(
        &self,
        module: &[String],
        path: &[String],
        seen: &mut HashSet<(Vec<String>, Vec<String>)>,
    ) -> Option<usize> {
        // What is imported from elsewhere under the name of its crate, or whole, would grow for ever.
        if path.len() > LONGEST || !seen.insert((module.to_vec(), path.to_vec())) {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return self.find(&[], rest, seen),
            "self" => return self.find(module, rest, seen),
            "super" => return self.find(module.split_last()?.1, rest, seen),
            _ => {}
        }
        let number = *self.modules.get(module)?;
        let file = self.files.get(number)?;
        let child = [module, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(child.as_slice()) && !rest.is_empty() {
            return self.find(&child, rest, seen);
        }
        if file.items.contains(first) {
            let method = rest.first().and_then(|method| self.methods.get(&(first.as_str(), method.as_str())));
            return Some(method.copied().unwrap_or(number));
        }
        let named = file.imports.iter().filter(|import| import.name == *first);
        let all = file.imports.iter().filter(|import| import.name == "*");
        for import in named {
            let whole = [import.path.as_slice(), rest].concat();
            if let Some(found) = self.find(module, &whole, seen) {
                return Some(found);
            }
        }
        for import in all {
            let whole = [import.path.as_slice(), path].concat();
            if let Some(found) = self.find(module, &whole, seen) {
                return Some(found);
            }
        }
        None
    }
}

/// Names in a path of ours at most.
const LONGEST: usize = 12;

/// Sets of files that reach each other.
pub fn circles(files: &[FileFacts], needs: &[BTreeMap<usize, String>]) -> Vec<Circle> {
    let mut reached: Vec<BTreeSet<usize>> = Vec::new();
    for start in 0..needs.len() {
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(number) = next.pop() {
            for needed in needs.get(number).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(*needed) {
                    next.push(*needed);
                }
            }
        }
        reached.push(seen);
    }
    let reaches = |from: usize, to: usize| reached.get(from).is_some_and(|seen| seen.contains(&to));
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut circles = Vec::new();
    for start in (0..needs.len()).filter(|number| reaches(*number, *number)) {
        if done.contains(&start) {
            continue;
        }
        let members: BTreeSet<usize> =
            (0..needs.len()).filter(|other| reaches(start, *other) && reaches(*other, start)).collect();
        done.extend(&members);
        let name = |number: usize| files.get(number).map(|file| file.name.clone()).unwrap_or_default();
        let inner = members.iter().flat_map(|from| {
            let inside = needs.get(*from).into_iter().flatten().filter(|(to, _)| members.contains(to));
            inside.map(|(to, what)| (name(*from), name(*to), what.clone()))
        });
        circles.push(Circle { files: members.iter().map(|number| name(*number)).collect(), needs: inner.collect() });
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[(&str, &str)]) -> Vec<FileFacts> {
        let read = |(module, text): &(&str, &str)| {
            let parts = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            FileFacts::of((*module).to_owned(), parts, &syn::parse_file(text).unwrap())
        };
        files.iter().map(read).collect()
    }

    #[test]
    fn what_comes_from_elsewhere_ends() {
        let text = "use elsewhere::*; use other::other; fn f() { other::g(h::i()) }";
        assert!(found(&[("a", text)]).is_empty());
    }

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = house(files);
        let needs = needs(&files, &HashSet::new());
        circles(&files, &needs).into_iter().map(|circle| circle.files).collect()
    }

    #[test]
    fn paths_re_exports_and_methods_make_circles() {
        let root = ("", "mod a; mod b; mod c; pub use b::B;");
        // a needs b by the re-export, b needs a by a method without any import
        let a = ("a", "use crate::B; pub struct A; impl A { pub fn of_a(&self, b: B) {} }");
        let b = ("b", "pub struct B; impl B { fn x(&self) { y().of_a(self) } }");
        assert_eq!(found(&[root, a, b, ("c", "fn c() { crate::a::z(); }")]), [["a", "b"]]);
    }

    #[test]
    fn one_type_in_several_files_is_followed() {
        let own = ("a", "pub struct A; impl A { fn one(&self) { self.two() } }");
        let other = ("b", "use crate::a::A; impl A { pub fn two(&self) {} }");
        assert_eq!(found(&[("", ""), own, other]), [["a", "b"]]);
    }

    #[test]
    fn a_facade_over_its_rooms_is_no_circle() {
        let facade = ("a", "mod b; pub use b::B;");
        assert_eq!(
            found(&[("", "mod a;"), facade, ("a::b", "pub struct B; fn c() { super::d() }")]),
            Vec::<Vec<String>>::new()
        );
    }
}
