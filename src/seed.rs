//! Seeds: the only source of randomness.
//!
//! A seed is a node of a tree. Children are named, so that what is drawn for one purpose never
//! depends on how much was drawn for another, nor on the number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The random generator of a seed; its values never change between versions.
pub type Rng = ChaCha8Rng;

/// A node of the seed tree: 32 bytes, derived by SHA-256 from its parent and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The root of the tree for a scenario's `seed`.
    #[must_use]
    pub fn root(number: u64) -> Self {
        Self(Sha256::digest(number.to_le_bytes()).into())
    }

    /// The child called `name`.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        self.derive(b"n", name.as_bytes())
    }

    /// The child numbered `index`.
    #[must_use]
    pub fn index(&self, index: u64) -> Self {
        self.derive(b"i", &index.to_le_bytes())
    }

    /// A fresh generator that starts at this node.
    #[must_use]
    pub fn rng(&self) -> Rng {
        ChaCha8Rng::from_seed(self.0)
    }

    fn derive(&self, kind: &[u8], name: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(kind);
        hash.update(name);
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::Rng as _;

    #[test]
    fn the_same_path_gives_the_same_values_and_another_path_others() {
        let draw = |seed: Seed| seed.rng().next_u64();
        let root = Seed::root(7);
        assert_eq!(draw(root.child("prompt").index(3)), draw(Seed::root(7).child("prompt").index(3)));
        assert_ne!(draw(root.child("prompt").index(3)), draw(root.child("prompt").index(4)));
        assert_ne!(draw(root.child("prompt")), draw(root.child("salt")));
        assert_ne!(draw(root), draw(Seed::root(8)));
    }
}
