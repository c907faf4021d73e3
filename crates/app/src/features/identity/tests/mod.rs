//! Behaviour of accounts, sessions and tokens, the same on both databases.

mod accounts;
mod race;
mod sign_in;
mod tokens;
mod world;

/// Makes `sqlite::name` and `postgres::name` from `async fn name(world: &World)`.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = $crate::features::identity::tests::world::World::sqlite().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
            async fn $name() {
                let world = $crate::features::identity::tests::world::World::postgres().await;
                super::$name(&world).await;
                world.end().await;
            })+
        }
    };
}
use both;
