//! Who is here, and who types.

use crate::conformance::{
    Setting, soon,
    words::{fresh, user},
};
use bytes::Bytes;
use parlor_schemas::{GatewayId, presence::Here};
use std::time::Duration;

const BELIEVED: Duration = Duration::from_secs(40);

pub async fn the_most_present_word_counts(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    let (here, there) = (GatewayId(fresh()), GatewayId(fresh()));
    let (ada, eve, bob) = (user(), user(), user());
    for gateway in [here, there] {
        assert!(!live.live_on(gateway, BELIEVED).await.unwrap(), "not known before");
        assert!(live.live_on(gateway, BELIEVED).await.unwrap());
    }
    live.say(here, &[(ada, Some(Here::Away)), (eve, Some(Here::Away))]).await.unwrap();
    live.say(there, &[(ada, Some(Here::Online))]).await.unwrap();
    let present = async || live.present(&[bob, ada, eve]).await.unwrap();
    assert_eq!(present().await, [None, Some(Here::Online), Some(Here::Away)]);
    live.say(there, &[(ada, None)]).await.unwrap();
    live.say(there, &[(ada, None), (eve, Some(Here::Online))]).await.unwrap();
    assert_eq!(present().await, [None, Some(Here::Away), Some(Here::Online)]);
    live.say(here, &[(ada, None), (eve, None)]).await.unwrap();
    assert_eq!(present().await, [None, None, Some(Here::Online)]);
    live.end_presence(there).await.unwrap();
    assert_eq!(present().await, [None, None, None], "at once");
}

pub async fn who_is_not_heard_of_is_gone_with_all_users(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    let (here, there) = (GatewayId(fresh()), GatewayId(fresh()));
    let users: Vec<_> = (0..1_000).map(|_| user()).collect();
    let said: Vec<_> = users.iter().map(|user| (*user, Some(Here::Online))).collect();
    for gateway in [here, there] {
        live.live_on(gateway, BELIEVED).await.unwrap();
        live.say(gateway, &said[..500]).await.unwrap();
    }
    live.say(there, &said[500..]).await.unwrap();
    at.clock().advance(30_000);
    assert!(live.live_on(here, BELIEVED).await.unwrap(), "one beat for all");
    assert_eq!(live.present(&users).await.unwrap(), [Some(Here::Online); 1_000]);
    at.clock().advance(10_001);
    let present = live.present(&users).await.unwrap();
    assert_eq!((&present[..500], &present[500..]), (&[Some(Here::Online); 500][..], &[None; 500][..]));
    // It comes back late: it has to say everything again.
    assert!(!live.live_on(there, BELIEVED).await.unwrap());
    live.say(there, &said[500..501]).await.unwrap();
    assert_eq!(live.present(&users[500..501]).await.unwrap(), [Some(Here::Online)]);
    // A boot that has never said that it lives is not believed.
    let stranger = user();
    live.say(GatewayId(fresh()), &[(stranger, Some(Here::Online))]).await.unwrap();
    assert_eq!(live.present(&[stranger]).await.unwrap(), [None]);
}

pub async fn presence_is_gone_with_its_life(at: &impl Setting) {
    let engines = at.open().await;
    let (gateway, ada) = (GatewayId(fresh()), user());
    engines.live.live_on(gateway, BELIEVED).await.unwrap();
    engines.live.say(gateway, &[(ada, Some(Here::Online))]).await.unwrap();
    engines.close().await;
    at.lose_live().await;
    let engines = at.open().await;
    assert_eq!(engines.live.present(&[ada]).await.unwrap(), [None]);
    assert!(!engines.live.live_on(gateway, BELIEVED).await.unwrap(), "say it all again");
}

pub async fn typing_reaches_all_who_listen(at: &impl Setting) {
    let engines = at.open().await;
    let live = &*engines.live;
    live.tell_typing(Bytes::from_static(b"nobody listens")).await.unwrap();
    let mut one = live.hear_typing().await.unwrap();
    let mut other = live.hear_typing().await.unwrap();
    live.tell_typing(Bytes::from_static(b"1")).await.unwrap();
    live.tell_typing(Bytes::from_static(b"2")).await.unwrap();
    for listener in [&mut one, &mut other] {
        assert_eq!(soon("the first", listener.recv()).await.unwrap(), "1");
        assert_eq!(soon("the second", listener.recv()).await.unwrap(), "2");
    }
    assert_eq!(live.gateways().await.unwrap(), [], "no gateway's channel");
    drop(one);
    live.tell_typing(Bytes::from_static(b"3")).await.unwrap();
    assert_eq!(soon("the third", other.recv()).await.unwrap(), "3");
    engines.close().await;
    assert_eq!(soon("the channel's end", other.recv()).await, None);
}
