//! Answers that cannot change, kept for a while so that they are not asked for again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// A small map that forgets the oldest first.
#[derive(Debug)]
pub(crate) struct Memory<K, V, const MOST: usize = 256>(Mutex<VecDeque<(K, V)>>);

impl<K, V, const MOST: usize> Default for Memory<K, V, MOST> {
    fn default() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }
}

impl<K: PartialEq, V: Clone, const MOST: usize> Memory<K, V, MOST> {
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    pub(crate) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != key);
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        Self::push(&mut kept, key, value);
    }

    /// What is kept; where there is nothing, what everybody who asks at the same time gets as well.
    pub(crate) fn get_or_put(&self, key: K, make: impl FnOnce() -> V) -> V {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = kept.iter().find(|(known, _)| *known == key) {
            return value.clone();
        }
        let value = make();
        Self::push(&mut kept, key, value.clone());
        value
    }

    fn push(kept: &mut VecDeque<(K, V)>, key: K, value: V) {
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_a_new_value_replaces_the_old() {
        let memory = Memory::<usize, usize, 4>::default();
        for number in 0..=4 {
            memory.put(number, number);
        }
        assert_eq!(memory.get(&0), None);
        assert_eq!(memory.get(&1), Some(1));
        memory.put(1, 7);
        assert_eq!(memory.get(&1), Some(7));
        assert_eq!(memory.get(&2), Some(2), "replacing forgets nobody else");
        assert_eq!([memory.get_or_put(2, || 9), memory.get_or_put(8, || 9)], [2, 9]);
        assert_eq!((memory.get(&8), memory.get(&2)), (Some(9), None));
    }
}
