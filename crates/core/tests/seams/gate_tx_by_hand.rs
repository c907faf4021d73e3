//! Only the gate makes a `GateTx`: a plain transaction can't write operator-owned tables.
use qd_core::App;
use qd_core::gate::GateTx;

async fn close_incident(_tx: &mut GateTx<'_>) {}

async fn sneak(app: App) {
    let _ = app.db.write(|tx| {
        Box::pin(async move {
            close_incident(tx).await; //~ E0308 expected `&mut GateTx<'_>`, found `&mut Tx`
            close_incident(&mut GateTx::new(tx)).await; //~ E0624 private associated function
            close_incident(&mut GateTx(tx)).await; //~ E0423 private fields
            Ok(())
        })
    });
}
