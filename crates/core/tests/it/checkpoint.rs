//! What the chain alone can't see: a cut tail and a chain that was computed again. Checkpoints and their anchor find both.

use engine::args;
use qd_core::audit::{self, Checkpoint, Signer, checkpoint_due_by_rows, checkpoint_if_due, checkpoint_last, checkpoints};

use crate::support::World;

on_both!(
    a_cut_tail_is_found,
    a_recomputed_chain_is_found_by_the_anchor,
    a_wrong_signature_is_an_error,
    they_are_due_by_rows_and_by_time,
    table_and_anchor_must_agree,
    a_torn_anchor_is_told_and_mended
);

async fn point(world: &World) -> Option<Checkpoint> {
    checkpoint_if_due(&world.db, &world.signer(), &world.anchor(), world.clock.now()).await.unwrap()
}

async fn verified(world: &World) -> audit::Report {
    let trusted = checkpoints(&world.db, &world.signer(), &world.anchor()).await.unwrap();
    audit::verify(&world.db, trusted).await.unwrap()
}

async fn a_cut_tail_is_found(world: World) {
    world.fill(5).await;
    assert_eq!(point(&world).await.unwrap().size, 5);
    let whole = verified(&world).await;
    assert_eq!((whole.valid, whole.checkpoints), (true, 1), "the same one in table and anchor");
    world.tamper("DELETE FROM audit_event WHERE seq > $1", args![3_i64]).await;
    assert!(audit::verify(&world.db, Vec::new()).await.unwrap().valid, "the chain alone can't see it");
    let broken = verified(&world).await.first_break.unwrap();
    assert_eq!((broken.seq, broken.detail.contains("to 5 are missing")), (4, true));
}

async fn a_recomputed_chain_is_found_by_the_anchor(world: World) {
    world.fill(5).await;
    point(&world).await.unwrap();
    let mut prev = audit::GENESIS.to_owned();
    for mut row in world.rows().await {
        row.actor_name = "Nobody".into();
        row.prev_hash.clone_from(&prev);
        row.hash = audit::hash_of(&row).unwrap();
        prev.clone_from(&row.hash);
        let args = args![row.seq, row.actor_name, row.prev_hash, row.hash];
        world.tamper("UPDATE audit_event SET actor_name = $2, prev_hash = $3, hash = $4 WHERE seq = $1", args).await;
    }
    world.tamper("DELETE FROM audit_checkpoint", args![]).await;
    assert!(audit::verify(&world.db, Vec::new()).await.unwrap().valid, "the chain alone can't see it");
    assert_eq!(verified(&world).await.first_break.unwrap().seq, 5);
}

async fn a_wrong_signature_is_an_error(world: World) {
    world.fill(2).await;
    let ours = point(&world).await.unwrap();
    assert!(world.signer().holds(&ours));
    let other = Signer::open(&world.file("other.key"), "test").unwrap();
    assert!(!other.holds(&ours), "another key");
    for changed in
        [Checkpoint { size: 1, ..ours.clone() }, Checkpoint { head: audit::GENESIS.into(), ..ours.clone() }, Checkpoint { at: 1, ..ours.clone() }]
    {
        assert!(!world.signer().holds(&changed), "{changed:?}");
    }
    world.tamper("UPDATE audit_checkpoint SET head = $1", args![audit::GENESIS]).await;
    let refused = checkpoints(&world.db, &world.signer(), &world.anchor()).await.unwrap_err();
    assert_eq!(refused.to_string(), "The checkpoint at row 2 has a wrong signature.");
}

async fn they_are_due_by_rows_and_by_time(world: World) {
    assert_eq!(point(&world).await, None, "nothing to sign");
    world.fill(1).await;
    assert_eq!(point(&world).await.unwrap().size, 1);
    world.fill(1).await;
    assert_eq!(point(&world).await, None, "too soon");
    world.clock.set(world.clock.now().plus_seconds(3_600));
    assert_eq!(point(&world).await.unwrap().size, 2);
    world.clock.set(world.clock.now().plus_seconds(7_200));
    assert_eq!(point(&world).await, None, "no new row");
    world.fill(1).await;
    world.clock.set(world.clock.now().plus_seconds(-86_400));
    assert_eq!(point(&world).await.unwrap().size, 3, "the clock was set back");
    let last = async || checkpoint_last(&world.db, &world.signer(), &world.anchor(), world.clock.now()).await.unwrap();
    assert_eq!(last().await, None, "no new row");
    world.fill(1).await;
    assert_eq!(point(&world).await, None, "too soon");
    assert_eq!(last().await.unwrap().size, 4, "the program stops");
    assert!(!checkpoint_due_by_rows(&world.db).await.unwrap());
    world.fill(1_000).await;
    assert!(checkpoint_due_by_rows(&world.db).await.unwrap());
    assert_eq!(point(&world).await.unwrap().size, 1_004, "many rows");
}

async fn two_points(world: &World) {
    for _ in 0..2 {
        world.fill(1).await;
        point(world).await.unwrap();
        world.clock.set(world.clock.now().plus_seconds(3_600));
    }
}

async fn table_and_anchor_must_agree(world: World) {
    two_points(&world).await;
    let (path, whole) = (world.anchor().0, std::fs::read_to_string(world.anchor().0).unwrap());
    let agreed = verified(&world).await;
    assert_eq!((agreed.valid, agreed.checkpoints, agreed.warnings.len()), (true, 2, 0));
    std::fs::write(&path, whole.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let lacking = verified(&world).await;
    assert!(lacking.valid && lacking.warnings[0].contains("lacks 1 checkpoint (the first at row 1) of the table"), "{lacking:?}");
    std::fs::remove_file(&path).unwrap();
    let missing = verified(&world).await.warnings;
    assert!(missing.len() == 1 && missing[0].contains("is missing"), "{missing:?}");
    point(&world).await;
    assert!(!path.exists(), "nothing makes a lost anchor good again");
    std::fs::write(&path, whole).unwrap();
    world.tamper("DELETE FROM audit_checkpoint WHERE size = $1", args![2_i64]).await;
    let gone = verified(&world).await.warnings;
    assert!(gone.len() == 1 && gone[0].starts_with("The table lacks 1 checkpoint (the first at row 2)"), "{gone:?}");
}

async fn a_torn_anchor_is_told_and_mended(world: World) {
    two_points(&world).await;
    let (path, whole) = (world.anchor().0, std::fs::read_to_string(world.anchor().0).unwrap());
    std::fs::write(&path, whole.trim_end()).unwrap();
    assert_eq!(verified(&world).await.warnings, Vec::<String>::new(), "only the line end is missing");
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let torn = verified(&world).await;
    assert!(torn.warnings[0].contains("anchor.jsonl (line 2) is torn"), "{torn:?}");
    point(&world).await;
    assert_eq!((std::fs::read_to_string(&path).unwrap(), verified(&world).await.warnings.len()), (whole.clone(), 0));
    std::fs::write(&path, whole.trim_end()).unwrap();
    world.fill(1).await;
    point(&world).await.unwrap();
    assert_eq!((world.anchor().read().unwrap().points.len(), verified(&world).await.warnings.len()), (3, 0));
    std::fs::write(&path, whole.replacen("}\n", "\n", 1)).unwrap();
    let broken = checkpoints(&world.db, &world.signer(), &world.anchor()).await.unwrap_err().to_string();
    assert!(broken.contains("Line 1 of the anchor") && broken.contains("anchor.jsonl"), "{broken}");
}
