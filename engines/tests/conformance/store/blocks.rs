//! Who blocks whom.

use crate::conformance::{Setting, words::user};
use parlor_engines::store::Block;

pub async fn the_newest_of_a_pair_stays_and_lists_are_paged(at: &impl Setting) {
    let engines = at.open().await;
    let store = &*engines.store;
    let (ann, bob) = (user(), user());
    let block = |user_id, on, rank| Block { by: ann, user_id, on, rank };
    for one in [block(bob, true, 0), block(bob, false, 7), block(bob, true, 3)] {
        store.put_blocks(vec![one]).await.unwrap();
    }
    assert_eq!(store.blocked(&[(ann, bob), (bob, ann)]).await.unwrap(), [false, false]);
    store.put_blocks(vec![block(bob, true, 9)]).await.unwrap();
    assert_eq!(store.blocked(&[(bob, ann), (ann, bob)]).await.unwrap(), [false, true]);
    let mut others: Vec<_> = (0..7).map(|_| user()).collect();
    let ended = user();
    let all = others.iter().map(|user| block(*user, true, 4)).chain([block(ended, false, 4)]);
    store.put_blocks(all.collect()).await.unwrap();
    others.push(bob);
    others.sort();
    let (mut pages, mut after) = (Vec::new(), None);
    while let page = store.blocks_of(ann, after, 3).await.unwrap()
        && let Some(last) = page.last()
    {
        after = Some(*last);
        pages.extend(page);
    }
    assert_eq!(pages, others, "without the one that has ended");
    assert_eq!(store.blocks_of(bob, None, 3).await.unwrap(), []);
}
