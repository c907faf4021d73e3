//! Gate and audit through their public face, on both databases: Postgres where `QD_TEST_POSTGRES` names a server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

/// Runs each `async fn name(world: World)` on SQLite, and on Postgres when it is there.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::World::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs QD_TEST_POSTGRES"]
            async fn $name() {
                let world = crate::support::World::postgres().await;
                super::$name(world.clone()).await;
                world.end().await;
            })+
        }
    };
}

mod audit;
mod checkpoint;
mod events;
mod gate;
mod perform;
mod support;
