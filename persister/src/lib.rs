//! Folds the ordered records into the store.
