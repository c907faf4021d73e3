//! Only the gate makes a `GateTx`: a plain transaction can't write operator-owned tables.
use engine::Tx;
use qd_core::gate::GateTx;

async fn close_incident(_tx: &mut GateTx<'_>) {}

async fn sneak(tx: &mut Tx) {
    close_incident(tx).await;
    close_incident(&mut GateTx::new(tx)).await;
    close_incident(&mut GateTx(tx)).await;
}

fn main() {
    let _ = sneak;
}
