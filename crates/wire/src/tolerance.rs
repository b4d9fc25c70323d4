//! What is taken although it deviates, as a set of one protocol's deviations.

use std::fmt;
use std::marker::PhantomData;

/// The deviations of a protocol, one case each.
pub trait Deviation: Copy + fmt::Debug + 'static {
    /// All of them, in the order of their numbers; 16 at most.
    const EVERY: &'static [Self];

    /// From 0.
    fn number(self) -> u8;
}

/// Which deviations were met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tolerated<T> {
    bits: u16,
    of: PhantomData<T>,
}

impl<T> Tolerated<T> {
    /// None.
    pub const NONE: Self = Self { bits: 0, of: PhantomData };

    /// True when everything had the usual form.
    #[must_use]
    pub const fn is_empty(self) -> bool
    where
        T: Copy,
    {
        self.bits == 0
    }
}

impl<T: Deviation> Tolerated<T> {
    /// True when this deviation was met.
    #[must_use]
    pub fn contains(self, deviation: T) -> bool {
        self.bits & bit(deviation) != 0
    }

    /// The deviations, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::EVERY.iter().copied().filter(move |deviation| self.contains(*deviation))
    }

    pub(crate) fn add(&mut self, deviation: T) {
        self.bits |= bit(deviation);
    }
}

fn bit<T: Deviation>(deviation: T) -> u16 {
    1_u16.checked_shl(deviation.number().into()).unwrap_or_default()
}

impl<T> Default for Tolerated<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T: Deviation> fmt::Debug for Tolerated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
