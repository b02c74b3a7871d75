// Made from book/appendices/d-kernels.md by tangle.py; edit there, or here and stitch. 170f9c6e8e9f
//! One pool of threads for all kernels.
//!
//! `run` hands out the numbers 0 to n − 1. Whoever is awake takes the
//! next one, the caller included, so nobody waits for a sleeper; what
//! is waited for are only numbers that somebody has taken.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::{hint, mem, process};

/// How often a worker looks for work before it goes to sleep: for
/// some tenths of a millisecond, longer than Python needs from one
/// kernel to the next.
const LOOKS: usize = 16_000;

type Task<'a> = dyn Fn(usize) + Sync + 'a;

/// What the threads share. `task` and `total` change only while no
/// number is left and none is pending.
struct Board {
    /// Numbers that nobody has taken yet.
    left: AtomicUsize,
    /// Numbers that are not done yet.
    pending: AtomicUsize,
    task: UnsafeCell<Option<(&'static Task<'static>, usize)>>,
    /// The first panic of a task.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// How many workers should live.
    workers: AtomicUsize,
}

unsafe impl Sync for Board {}

static BOARD: Board = Board {
    left: AtomicUsize::new(0),
    pending: AtomicUsize::new(0),
    task: UnsafeCell::new(None),
    panic: Mutex::new(None),
    workers: AtomicUsize::new(0),
};

impl Board {
    /// Takes numbers and does them until none is left. The task is
    /// read after a number of it was taken: until that number is
    /// done, `Team::run` keeps the task in place.
    fn work(&self) {
        let one_less = |left: usize| left.checked_sub(1);
        while let Ok(left) =
            self.left.fetch_update(AcqRel, Acquire, one_less)
        {
            self.step(left);
        }
    }

    /// Does the number that was taken when `left` were left.
    fn step(&self, left: usize) {
        let job = unsafe { *self.task.get() };
        let (task, total) = job.expect("a number without a task");
        let call = AssertUnwindSafe(|| task(total - left));
        if let Err(panic) = catch_unwind(call) {
            lock(&self.panic).get_or_insert(panic);
        }
        self.pending.fetch_sub(1, Release);
    }

    /// The life of worker `me`.
    fn serve(&self, me: usize) {
        let mut looks = 0;
        while me < self.workers.load(Acquire) {
            if self.left.load(Acquire) > 0 {
                self.work();
                looks = 0;
            } else if looks < LOOKS {
                looks += 1;
                hint::spin_loop();
            } else {
                thread::park(); // `run` and `resize` wake us
            }
        }
    }
}

/// A lock that a panic elsewhere does not spoil.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The workers, and the process that started them.
struct Team {
    workers: Vec<JoinHandle<()>>,
    process: Option<u32>,
}

/// Locked while a task runs: one at a time has the pool.
static TEAM: Mutex<Team> =
    Mutex::new(Team { workers: Vec::new(), process: None });

impl Team {
    /// Starts the first workers, or those that a fork left behind.
    fn settle(&mut self) {
        if self.process.is_none() {
            self.resize(default_threads().unwrap_or(1));
        } else if self.process != Some(process::id()) {
            self.resize(self.workers.len() + 1);
        }
    }

    /// Starts or ends workers, so that with the caller `threads` work.
    fn resize(&mut self, threads: usize) {
        let wanted = threads.max(1) - 1;
        if self.process.replace(process::id()) != Some(process::id()) {
            let lost = mem::take(&mut self.workers);
            lost.into_iter().for_each(mem::forget);
            BOARD.left.store(0, Release);
        }
        BOARD.workers.store(wanted, Release);
        let keep = wanted.min(self.workers.len());
        for worker in self.workers.drain(keep..) {
            worker.thread().unpark();
            worker.join().expect("a worker never panics");
        }
        for me in self.workers.len()..wanted {
            self.workers.push(thread::spawn(move || BOARD.serve(me)));
        }
    }

    /// Lets all threads do `task` for the numbers 0 to n − 1.
    fn run(&self, n: usize, task: &Task) {
        // SAFETY: no number is left or pending, so nobody reads the
        // task; and we return only when again nobody does.
        unsafe {
            let task =
                mem::transmute::<&Task, &'static Task<'static>>(task);
            *BOARD.task.get() = Some((task, n));
        }
        BOARD.pending.store(n, Release);
        BOARD.left.store(n, Release);
        for worker in self.workers.iter().take(n - 1) {
            worker.thread().unpark();
        }
        BOARD.work();
        let mut looks = 0;
        while BOARD.pending.load(Acquire) > 0 {
            looks += 1;
            if looks < LOOKS {
                hint::spin_loop()
            } else {
                thread::yield_now()
            }
        }
    }
}

/// What `NAND2LLM_THREADS` says, or else what the machine has.
fn default_threads() -> Result<usize, String> {
    let Ok(text) = std::env::var("NAND2LLM_THREADS") else {
        return Ok(
            thread::available_parallelism().map_or(1, usize::from)
        );
    };
    text.parse().ok().filter(|&n| n > 0).ok_or(format!(
        "NAND2LLM_THREADS is {text:?}; \
         a whole number from 1 on would do"
    ))
}

/// The pool, unless someone else has it.
fn try_team() -> Option<MutexGuard<'static, Team>> {
    match TEAM.try_lock() {
        Ok(team) => Some(team),
        Err(TryLockError::Poisoned(team)) => Some(team.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Does `task` for each number from 0 to n − 1, on all threads, and
/// returns when all are done. Called from within a task, or while
/// another thread has the pool, it does them all itself.
///
/// # Panics
///
/// If a task did, once the others are done.
pub fn run(n: usize, task: impl Fn(usize) + Sync) {
    run_task(n, &task);
}

fn run_task(n: usize, task: &Task) {
    let team = if n > 1 { try_team() } else { None };
    let Some(mut team) = team else {
        return (0..n).for_each(task);
    };
    team.settle();
    team.run(n, task);
    let panic = lock(&BOARD.panic).take();
    drop(team); // only now may another caller take it
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

/// How many threads work: the pool's, and the caller.
pub fn threads() -> usize {
    BOARD.workers.load(Acquire) + 1
}

/// Lets `threads` threads work from now on; with 0, as many as
/// `NAND2LLM_THREADS` says, or else as the machine has.
#[no_mangle]
pub extern "C" fn nand2llm_set_threads(threads: usize) -> i32 {
    crate::status(|| {
        let wanted =
            if threads == 0 { default_threads()? } else { threads };
        lock(&TEAM).resize(wanted);
        Ok::<(), String>(())
    })
}

/// How many threads work, the caller among them.
#[no_mangle]
pub extern "C" fn nand2llm_threads() -> usize {
    threads()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(n: usize) -> Vec<usize> {
        let hits: Vec<_> =
            (0..n).map(|_| AtomicUsize::new(0)).collect();
        run(n, |i| {
            hits[i].fetch_add(1, Relaxed);
        });
        hits.into_iter().map(AtomicUsize::into_inner).collect()
    }

    #[test]
    fn every_number_is_done_once_whatever_the_threads() {
        for threads in [1, 2, 5, 3, 1, 2] {
            assert_eq!(nand2llm_set_threads(threads), 0);
            for n in [0, 1, 2, 3, 64, 1000] {
                assert_eq!(count(n), vec![1; n]);
            }
        }
        for _ in 0..20_000 {
            assert_eq!(count(3), [1; 3]);
        }
    }

    #[test]
    fn a_task_may_run_tasks_and_callers_may_meet() {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope
                    .spawn(|| run(9, |_| assert_eq!(count(7), [1; 7])));
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_after_the_others_are_done() {
        let done = AtomicUsize::new(0);
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            run(50, |i| {
                assert_ne!(i, 7);
                done.fetch_add(1, Relaxed);
            });
        }));
        assert!(attempt.is_err());
        assert!(done.into_inner() >= 7);
        assert_eq!(count(50), [1; 50]);
    }
}
