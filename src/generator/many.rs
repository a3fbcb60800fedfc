//! Many things of one kind, on as many cores as there are.

use std::num::NonZero;
use std::panic;
use std::thread;

/// So few are done before another thread has begun.
const FEWEST: usize = 16;

/// What `work` makes of each item, in the items' order, or the first error in that order.
pub(super) fn each<T, R, E>(items: &[T], work: impl Fn(&T) -> Result<R, E> + Sync) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    if items.len() < 2 * FEWEST {
        return items.iter().map(work).collect();
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    on(cores.min(items.len() / FEWEST), items, &work)
}

/// [`each`] on so many threads, of which the caller's own is one.
fn on<T, R, E>(threads: usize, items: &[T], work: &(impl Fn(&T) -> Result<R, E> + Sync)) -> Result<Vec<R>, E>
where
    T: Sync,
    R: Send,
    E: Send,
{
    let share = items.len().div_ceil(threads.max(1)).max(1);
    let (own, others) = items.split_at(share.min(items.len()));
    let all = |part: &[T]| part.iter().map(work).collect::<Result<Vec<R>, E>>();
    let parts: Vec<Result<Vec<R>, E>> = thread::scope(|scope| {
        // A system that gives no more threads costs time and nothing else.
        let begun: Vec<_> = others
            .chunks(share)
            .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || all(part)).ok()))
            .collect();
        let mut parts = vec![all(own)];
        parts.extend(begun.into_iter().map(|(part, thread)| match thread {
            Some(thread) => thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)),
            None => all(part),
        }));
        parts
    });
    let mut results = Vec::with_capacity(items.len());
    for part in parts {
        results.extend(part?);
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_threads_there_are_the_order_is_that_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        let expected: Vec<usize> = items.iter().map(|item| item * 2).collect();
        for threads in [0, 1, 2, 3, 7, 99, 100, 101] {
            assert_eq!(on(threads, &items, &|item| Ok::<_, ()>(item * 2)), Ok(expected.clone()), "{threads}");
            // The first error of the order, not of the time.
            let wrong = |item: &usize| if *item % 40 == 39 { Err(*item) } else { Ok(*item) };
            assert_eq!(on(threads, &items, &wrong), Err(39), "{threads}");
        }
        assert_eq!(each(&items, |item| Ok::<_, ()>(item * 2)), Ok(expected));
        assert_eq!(each(&[], |item: &usize| Ok::<_, ()>(*item)), Ok(Vec::new()));
    }

    #[test]
    #[should_panic(expected = "one of them")]
    fn what_panics_on_a_thread_panics_here() {
        let items: Vec<usize> = (0..10).collect();
        let _result =
            on(5, &items, &|item| if *item == 9 { panic!("one of them") } else { Ok::<_, ()>(*item) });
    }
}
