//! Small numbers for what is repeated on millions of lines.

use std::{collections::HashMap, hash::Hash};

/// Numbers things in the order they are met.
#[derive(Debug)]
pub(crate) struct Ids<T> {
    numbers: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Ids<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), all: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Ids<T> {
    pub fn number(&mut self, thing: &T) -> u32 {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.numbers.insert(thing.clone(), number);
        self.all.push(thing.clone());
        number
    }

    pub fn known(&self, thing: &T) -> Option<u32> {
        self.numbers.get(thing).copied()
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        self.all.get(number as usize)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }
}
