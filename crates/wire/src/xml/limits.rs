//! How much of a document is read.

/// Largest document, in bytes: phones read some hundred kB at most.
pub const LARGEST: usize = 4 << 20;

/// Most elements inside each other: configs have about ten levels, and a reader must not be led further.
pub const DEEPEST: usize = 64;

/// Most attributes of one element: those of configs have one or two, and each is compared with all others.
pub const MOST_ATTRIBUTES: usize = 64;

/// Longest name of an element or attribute, in bytes: those of configs have some twenty.
pub const LONGEST_NAME: usize = 1024;
