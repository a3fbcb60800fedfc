//! Deliveries that never arrived: noted once, asked for once.

use super::{Fresh, on_postgres, repo};
use crate::domain::{ForgeKind, Healing, Lane, RepoId, Timestamp};
use crate::storage::{HookRead, LostDelivery};

fn hook() -> Lane {
    Lane::Repository(repo())
}

fn lost(id: &str, attempt: u64, at: i64) -> LostDelivery {
    let (id, event) = (id.to_owned(), "note_hooks".to_owned());
    LostDelivery { repo: repo(), id, also: None, attempt, event, failed_at: Timestamp(at) }
}

impl Fresh {
    /// Asks for whatever waits at `now`, without a limit.
    async fn ask(&self, now: i64) -> Option<String> {
        let most = (u32::MAX, Timestamp(0));
        self.ask_for_lost(&hook(), Timestamp(now), most).await.unwrap().map(|one| one.id)
    }
}

#[tokio::test]
async fn each_is_asked_for_once_the_oldest_first() {
    let store = Fresh::new().await;
    let all = vec![lost("c", 100, 7), lost("b", 99, 7), lost("a", 300, 5)];
    assert_eq!(store.note_lost(&hook(), Timestamp(10), 300, all.clone()).await.unwrap(), 3);
    assert_eq!(store.note_lost(&hook(), Timestamp(11), 300, all).await.unwrap(), 0, "known");
    let asked = [store.ask(20).await, store.ask(20).await, store.ask(20).await, store.ask(20).await];
    assert_eq!(asked, [Some("a".to_owned()), Some("b".to_owned()), Some("c".to_owned()), None]);
    assert_eq!(store.note_lost(&hook(), Timestamp(30), 400, vec![lost("a", 400, 25)]).await.unwrap(), 0);
    assert_eq!(store.ask(40).await, None, "it failed again");
}

#[tokio::test]
async fn many_who_ask_at_once_get_each_of_them_once() {
    let store = Fresh::new().await;
    let all = (0..20).map(|number| lost(&format!("id {number}"), number, 1)).collect();
    store.note_lost(&hook(), Timestamp(10), 20, all).await.unwrap();
    let asked = futures_util::future::join_all((0..30).map(|_| store.ask(20))).await;
    let mut asked: Vec<String> = asked.into_iter().flatten().collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 20);
}

#[tokio::test]
async fn what_arrived_before_or_meanwhile_under_either_id_is_not_asked_for() {
    let store = Fresh::new().await;
    store.deliver("before", 1, 1).await;
    let twice = LostDelivery { also: Some("signed".to_owned()), ..lost("key", 2, 1) };
    let all = vec![lost("before", 1, 1), twice, lost("meanwhile", 3, 2)];
    assert_eq!(store.note_lost(&hook(), Timestamp(10), 3, all).await.unwrap(), 2);
    store.deliver("signed", 1, 11).await;
    store.deliver("meanwhile", 1, 12).await;
    assert_eq!(store.ask(20).await, None);
    let healing = store.healing(repo()).await.unwrap();
    assert_eq!((healing.lost, healing.asked, healing.arrived), (2, 0, 2));
}

#[tokio::test]
async fn no_more_are_asked_for_than_the_forge_allows_in_a_while() {
    let store = Fresh::new().await;
    let all = ["a", "b", "c"].into_iter().zip(1..).map(|(id, number)| lost(id, number, 1)).collect();
    store.note_lost(&hook(), Timestamp(10), 3, all).await.unwrap();
    let ask = async |now: i64| {
        let most = (2, Timestamp(now - 60));
        store.ask_for_lost(&hook(), Timestamp(now), most).await.unwrap().map(|one| one.id)
    };
    assert_eq!((ask(100).await.as_deref(), ask(100).await.as_deref()), (Some("a"), Some("b")));
    assert_eq!((ask(159).await, ask(160).await.as_deref()), (None, Some("c")));
}

#[tokio::test]
async fn what_was_put_off_waits_again_and_what_was_refused_does_not() {
    let store = Fresh::new().await;
    store.note_lost(&hook(), Timestamp(10), 2, vec![lost("a", 1, 5), lost("b", 2, 6)]).await.unwrap();
    assert_eq!(store.ask(20).await.as_deref(), Some("a"));
    store.ask_later(&lost("a", 1, 5)).await.unwrap();
    assert_eq!(store.ask(30).await.as_deref(), Some("a"));
    store.lost_for_good(&lost("a", 1, 5)).await.unwrap();
    store.ask_later(&lost("a", 1, 5)).await.unwrap();
    assert_eq!(store.ask(40).await.as_deref(), Some("b"));
    let expected = Healing { since: Some(Timestamp(5)), lost: 2, asked: 2, refused: 1, ..Healing::default() };
    assert_eq!(store.healing(repo()).await.unwrap(), expected);
    let other = RepoId { forge: ForgeKind::GitLab, number: 13 };
    assert_eq!(store.healing(other).await.unwrap(), Healing::default());
}

#[tokio::test]
async fn a_log_that_cannot_be_read_stays_where_it_was_read_to() {
    let store = Fresh::new().await;
    assert_eq!(store.hook_read(&hook()).await.unwrap(), None);
    store.hook_closed(&hook(), Timestamp(5), "why").await.unwrap();
    let closed =
        |at, newest, why: &str| HookRead { at: Timestamp(at), newest, hindrance: Some(why.to_owned()) };
    assert_eq!(store.hook_read(&hook()).await.unwrap(), Some(closed(5, None, "why")));
    assert_eq!(store.healing(repo()).await.unwrap().hindrance.as_deref(), Some("why"));
    store.note_lost(&hook(), Timestamp(10), 77, Vec::new()).await.unwrap();
    let read = HookRead { at: Timestamp(10), newest: Some(77), hindrance: None };
    assert_eq!(store.hook_read(&hook()).await.unwrap(), Some(read));
    store.hook_closed(&hook(), Timestamp(20), "other").await.unwrap();
    assert_eq!(store.hook_read(&hook()).await.unwrap(), Some(closed(10, Some(77), "other")));
    store.hook_closed(&Lane::Forge(ForgeKind::GitHub), Timestamp(5), "App").await.unwrap();
    let of_app = RepoId { forge: ForgeKind::GitHub, number: 1 };
    assert_eq!(store.healing(of_app).await.unwrap().hindrance.as_deref(), Some("App"));
}

#[tokio::test]
async fn it_is_kept_as_long_as_deliveries_are() {
    let store = Fresh::new().await;
    store.note_lost(&hook(), Timestamp(10), 1, vec![lost("a", 1, 5)]).await.unwrap();
    store.prune(Timestamp(10)).await.unwrap();
    assert_eq!(store.healing(repo()).await.unwrap().lost, 1);
    store.prune(Timestamp(11)).await.unwrap();
    assert_eq!(store.healing(repo()).await.unwrap(), Healing::default());
}

on_postgres! {
    each_is_asked_for_once_the_oldest_first,
    many_who_ask_at_once_get_each_of_them_once,
    what_arrived_before_or_meanwhile_under_either_id_is_not_asked_for,
    no_more_are_asked_for_than_the_forge_allows_in_a_while,
    what_was_put_off_waits_again_and_what_was_refused_does_not,
    a_log_that_cannot_be_read_stays_where_it_was_read_to,
    it_is_kept_as_long_as_deliveries_are,
}
