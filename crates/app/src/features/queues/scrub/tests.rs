//! What is masked, what is not, and that nothing breaks it.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

#[test]
fn secrets_and_people_go_and_the_rest_stays() {
    for (given, wanted) in [
        (r#"{"order":"ord_9F21K","to":"mara@gmail.com"}"#, r#"{"order":"ord_9F21K","to":"m•••@gmail.com"}"#),
        (r#"{"password":"a\"b","n":1}"#, r#"{"password":"•••","n":1}"#),
        (r#"{"api_key": {"a": "}"}, "n": [1]}"#, r#"{"api_key": "•••", "n": [1]}"#),
        (r#"{"pin":1234,"pinned":1,"spinner":2}"#, r#"{"pin":"•••","pinned":1,"spinner":2}"#),
        (r#"{"token":null,"secret":true,"cookie":""}"#, r#"{"token":null,"secret":true,"cookie":""}"#),
        (r#"{"p\u0061ssword":"x"}"#, r#"{"p\u0061ssword":"•••"}"#),
        (r#"{"cardNumber":"1","discard":"1","card":{"n":1}}"#, r#"{"cardNumber":"•••","discard":"1","card":"•••"}"#),
        (r#"{"body":"{\"token\":\"abc\",\"n\":1}"}"#, r#"{"body":"{\"token\":\"•••\",\"n\":1}"}"#),
        (r#"{"body":"{\"pin\":12,\"auth\":{\"a\":1},\"n\":1}"}"#, r#"{"body":"{\"pin\":\"•••\",\"auth\":\"•••\",\"n\":1}"}"#),
        (r#"{"m":"password:","n":"password: x, y"}"#, r#"{"m":"password:","n":"password: •••, y"}"#),
        (r#"{"m":"token: bearer","n":"it's \"pin\":{\"a\":\"x","o":[1]}"#, r#"{"m":"token: •••","n":"it's \"pin\":\"•••\"","o":[1]}"#),
        (r#"[true, 4242424242424242]"#, r#"[true, "•••"]"#),
        (r#"{"m":"token=a\nx","to":"\nada@x.org"}"#, r#"{"m":"token=•••\nx","to":"\na•••@x.org"}"#),
        (r#"{"password":"cut in the mid"#, r#"{"password":"•••"#),
        (r#"{"auth":{"a":[1,2"#, r#"{"auth":"•••""#),
        (r#"{"n":4242424242424242,"t":1732270000000,"s":"4242 4242 4242 4242."}"#, r#"{"n":"•••","t":1732270000000,"s":"•••."}"#),
        ("4242424242424241 is no card", "4242424242424241 is no card"),
        ("{'password': 'x', 'n': 1}", "{'password': '•••', 'n': 1}"),
        ("login password=hunter2 ok; x=1", "login password=••• ok; x=1"),
        ("Authorization: Bearer abc.def\nHost: x", "Authorization: •••\nHost: x"),
        ("sent Bearer abc.DEF1 to x, basic settings stay", "sent Bearer ••• to x, basic settings stay"),
        ("redis://app:p/ss@redis:6379/2 and https://x.org:8080/@ada", "redis://app:•••@redis:6379/2 and https://x.org:8080/@ada"),
        ("https://ghp_0123@github.com/a", "https://•••@github.com/a"),
        ("https://x.org/cb?access_token=abc&x=1", "https://x.org/cb?access_token=•••&x=1"),
        ("key AKIAIOSFODNN7EXAMPLE, sk_live_4eC39HqLyjWD", "key •••, •••"),
        ("SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf9Xg2c3Q", "•••"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 end", "jwt ••• end"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- x", "••• x"),
        ("to=ada%40x.org react@18.2.0 node_modules/a@1.2.3/b", "to=a•••@x.org react@18.2.0 node_modules/a@1.2.3/b".replace("•@", "•%40").as_str()),
        ("TokenExpiredError: jwt expired", "TokenExpiredError: jwt expired"),
        ("größe secret='ü' jörg@x.org", "größe secret='•••' j•••@x.org"),
        ("[3] 5\" token=\"abc\" x", "[3] 5\" token=\"•••\" x"),
    ] {
        assert_eq!(scrub(given), wanted, "of {given}");
    }
}

#[test]
fn values_are_masked_by_where_they_stand() {
    for (path, value, wanted) in [
        ("orderId", "77", "77"),
        ("lines.0.sku", "A-1", "A-1"),
        ("to", "ada@example.org", "a•••@example.org"),
        ("password", "my secret, and more", MASK),
        ("card.digits", "4242", MASK),
        ("customer.apiKey.0", "x", MASK),
        ("client.secret", "x", MASK),
        ("x-api.key", "x", MASK),
        ("note", "4242 4242 4242 4242", MASK),
        ("note", "Bearer abcDEF123", "Bearer •••"),
        ("note", "a \"quoted\" one", "a \"quoted\" one"),
        ("", "x", "x"),
    ] {
        assert_eq!(scrub_at(path, value), wanted, "{path} = {value}");
    }
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "password", "dbPassword", "API_KEY", "x-auth-token", "client.secret", "Authorization", "card_number", "cvc", "accessKeyId",
    ])
    .prop_map(str::to_owned)
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        Just(serde_json::json!(4_242_424_242_424_242_i64)),
        any::<String>().prop_map(Into::into),
        "[a-z\\\\\"'{}:=@ \n]{0,20}".prop_map(Into::into),
        "[a-zé]{1,8}@[a-z]{1,5}\\.org".prop_map(Into::into),
        "(auth|token) ?[:=] ?(bearer|basic)?[ \"'\\\\{\\[]{0,3}[a-z]{0,5}[\"'}]?.{0,4}".prop_map(Into::into),
        "['\"](auth|pin)['\"]:[\\[{]['\"\\\\a{}]{0,8}".prop_map(Into::into),
        "(password|token|pin) ?[:=] ?[\"'\\\\{]?[a-z]{0,5}[\"'}]?.{0,4}".prop_map(Into::into),
    ];
    let key = prop_oneof![name(), "[a-z\\\\\"' ]{0,8}", any::<String>()];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((key.clone(), inner.clone()), 0..5).prop_map(|list| serde_json::Value::Object(list.into_iter().collect())),
            // JSON inside JSON.
            inner.prop_map(|inner| inner.to_string().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("QD_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(500)))]

    #[test]
    fn json_stays_json(value in json()) {
        let text = serde_json::json!({ "v": value }).to_string();
        let clean = scrub(&text);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok(), "{text} became {clean}");
    }

    #[test]
    fn no_secret_gets_through(name in name(), value in "[a-zA-Z0-9]{6,20}Zz9", deep in 0_usize..3, cut in 0_usize..12) {
        prop_assume!(!name.contains(&value));
        let mut text = serde_json::json!({ "a": 1, (name): value, "z": "end" }).to_string();
        for _ in 0..deep {
            text = serde_json::json!({ "body": text }).to_string();
        }
        text.truncate(text.len() - cut);
        let clean = scrub(&text);
        prop_assert!(!clean.contains(&value), "{text} became {clean}");
        prop_assert_eq!(scrub(&clean), clean.clone(), "what is masked stays masked: {}", text);
    }

    #[test]
    fn any_text_survives(text in any::<String>(), odd in "[\\\\\"'{}\\[\\]:=@ \npaswordtken0-9./é-]{0,60}") {
        scrub(&text);
        scrub(&scrub(&odd));
    }

    #[test]
    fn names_that_are_secrets_elsewhere_are_secrets_here(name in "[a-zA-Z_.-]{0,6}(password|token|secret|api[_-]key|pw|Pin|credentials|otp)([_.-][a-z]{0,5})?") {
        let error = name.to_lowercase().ends_with("error") || name.to_lowercase().ends_with("exception");
        prop_assert!(!qd_core::secret::is_secret_name(&name) || error || name::is_secret(&name), "{name}");
    }
}

/// The corpus of the fuzz target ends on the stable compiler, too.
#[test]
fn the_fuzz_corpus_replays() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/scrub");
    let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 10);
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let clean = scrub(&text);
        let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(!is_json(&text) || is_json(&clean), "{text} became {clean}");
        assert_eq!(crate::features::queues::failure::fingerprint(&text, None).len(), 16);
    }
}

/// Whatever repeats, the time grows with the length only. The figure for 64 KiB is a release build's; here the limit is generous.
#[test]
fn hostile_texts_take_no_longer() {
    for part in
        ["token:", "token=\"", "\\", "\"a\":{", "a@", "://a:", "4 ", "eyJ", "-----BEGIN PRIVATE KEY", "Bearer ", "{\"auth\":[", "\\\"pin\\\":{", "é@"]
    {
        let text = part.repeat(1_048_576 / part.len());
        let started = Instant::now();
        scrub(&text);
        assert!(started.elapsed() < Duration::from_secs(4), "{part}: {:?}", started.elapsed());
    }
}

/// `cargo test --release -p quarterdeck-app scrub -- --ignored --nocapture` prints the time of 64 KiB.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let row = r#"{"orderId":"ord_9F21K","to":"mara@gmail.com","items":[{"sku":"A-1","price":1299,"name":"Lamp"}],"note":"leave it at the door"},"#;
    let text = row.repeat(65_536 / row.len());
    let started = Instant::now();
    (0..100).for_each(|_| drop(std::hint::black_box(scrub(&text))));
    println!("64 KiB in {:?}", started.elapsed() / 100);
}
