//! The chain: a clean one verifies, each kind of tampering is found at its row.

use engine::args;
use qd_core::audit::{self, Report, Row, Verifier};
use serde_json::{Value, json};

use crate::support::{World, admin, because, named};

on_both!(a_clean_chain_verifies, a_file_may_be_a_part, an_edited_row_is_found, a_deleted_row_is_found, twenty_writers_never_fork, filters_find_rows);

fn check(rows: &[Row]) -> Report {
    let mut verifier = Verifier::new(Vec::new());
    for row in rows {
        if !verifier.take(row).unwrap() {
            break;
        }
    }
    verifier.finish()
}

async fn a_clean_chain_verifies(world: World) {
    let empty = audit::verify(&world.db, Vec::new()).await.unwrap();
    assert!(empty.valid && empty.checked == 0 && empty.head == audit::GENESIS);
    world.fill(5).await;
    let report = audit::verify(&world.db, Vec::new()).await.unwrap();
    assert_eq!((report.valid, report.checked, report.first_break.clone()), (true, 5, None));
    let rows = world.rows().await;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!((rows[0].prev_hash.as_str(), &report.head), (audit::GENESIS, &rows[4].hash));
    let text: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    let read: Vec<Row> = text.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(check(&read).valid, "an export verifies as the table does");
}

async fn a_file_may_be_a_part(world: World) {
    world.fill(3).await;
    audit::checkpoint_if_due(&world.db, &world.signer(), &world.anchor(), world.clock.now()).await.unwrap().unwrap();
    world.fill(2).await;
    let rows = world.rows().await;
    let trusted = audit::checkpoints(&world.db, &world.signer(), &world.anchor()).await.unwrap();
    let file = |rows: &[Row]| {
        let mut verifier = Verifier::of_file(trusted.clone());
        rows.iter().all(|row| verifier.take(row).unwrap());
        verifier.finish()
    };
    let older = file(&rows[..2]);
    assert_eq!((older.valid, older.from, older.checked, older.beyond), (true, 1, 2, Some(3)));
    let part = file(&rows[3..]);
    assert_eq!((part.valid, part.from, part.checked, part.checkpoints, part.beyond), (true, 4, 2, 1, None));
    let mut forged = rows[3].clone();
    forged.prev_hash = audit::GENESIS.into();
    forged.hash = audit::hash_of(&forged).unwrap();
    assert_eq!(file(&[forged]).first_break.unwrap().seq, 4, "the checkpoint of the row before says otherwise");
    assert_eq!(file(&[rows[0].clone(), rows[2].clone()]).first_break.unwrap().seq, 2);
    let mut strict = Verifier::new(trusted.clone());
    assert!(!strict.take(&rows[3]).unwrap(), "the database is never a part");
}

async fn an_edited_row_is_found(world: World) {
    world.fill(5).await;
    world.tamper("UPDATE audit_event SET reason = 'it was fine before' WHERE seq = $1", args![3_i64]).await;
    let found = audit::verify(&world.db, Vec::new()).await.unwrap();
    assert_eq!((found.valid, found.checked, found.first_break.unwrap().seq), (false, 2, 3));
}

async fn a_deleted_row_is_found(world: World) {
    world.fill(5).await;
    world.tamper("DELETE FROM audit_event WHERE seq = $1", args![3_i64]).await;
    let broken = audit::verify(&world.db, Vec::new()).await.unwrap().first_break.unwrap();
    assert_eq!((broken.seq, broken.detail.as_str()), (3, "row 3 is missing"));
}

async fn twenty_writers_never_fork(world: World) {
    let writers = (0..20).map(|writer| {
        let world = world.clone();
        tokio::spawn(async move {
            for turn in 0..5 {
                world.name(&admin(), named(writer * 5 + turn, "oak"), because()).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let report = audit::verify(&world.db, Vec::new()).await.unwrap();
    assert_eq!((report.valid, report.checked, world.things().await.len()), (true, 100, 100));
}

async fn filters_find_rows(world: World) {
    world.fill(3).await;
    let count = async |filter: audit::Filter| audit::list(&world.db, &filter).await.unwrap().len();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(count(audit::Filter { actor: some("mAr"), ..Default::default() }).await, 3);
    assert_eq!(count(audit::Filter { actor: some("%"), target_id: some("2"), ..Default::default() }).await, 1);
    assert_eq!(count(audit::Filter { actor: some("\0Mara"), before: Some(3), ..Default::default() }).await, 2);
    assert_eq!(count(audit::Filter { from: some("2200-01-01"), ..Default::default() }).await, 0);
    assert_eq!(count(audit::Filter { event: some("thing_named' OR 1=1 --"), ..Default::default() }).await, 0);
    let bad = audit::Filter { to: some("soon"), ..Default::default() };
    assert_eq!(audit::list(&world.db, &bad).await.unwrap_err().code(), "invalid");
}

/// Another value of the same kind, for whatever field it is.
fn flipped(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => vec![json!(number.as_i64().unwrap() + 1)],
        Value::String(text) => {
            let (head, last) = text.split_at(text.len() - 1);
            vec![json!(format!("{head}{}", if last == "0" { "1" } else { "0" }))]
        }
        _ => vec![json!(1), json!("0")],
    }
}

#[tokio::test]
async fn flipping_any_field_is_found_at_that_row() {
    let world = World::sqlite().await;
    world.fill(4).await;
    let rows = world.rows().await;
    let fields: Vec<String> = serde_json::to_value(&rows[0]).unwrap().as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields.len(), 25);
    for at in 0..rows.len() {
        for field in &fields {
            let mut tree = serde_json::to_value(&rows[at]).unwrap();
            let candidates = flipped(&tree[field]);
            let mut other = rows.clone();
            other[at] = candidates
                .into_iter()
                .find_map(|value| {
                    tree[field] = value;
                    serde_json::from_value(tree.clone()).ok()
                })
                .unwrap();
            assert_ne!(other[at], rows[at]);
            let broken = check(&other).first_break.unwrap_or_else(|| panic!("{field} of row {} changed unseen", at + 1));
            assert_eq!(broken.seq, rows[at].seq, "{field}: {}", broken.detail);
        }
    }
}
