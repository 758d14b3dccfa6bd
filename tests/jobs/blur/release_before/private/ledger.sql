BEGIN TRANSACTION;
CREATE TABLE decisions (           -- what a person says of an input; one row, the events keep the older ones
      path TEXT PRIMARY KEY,
      version INTEGER NOT NULL,        -- raised with every change: who has seen an older one cannot write
      image_sha256 TEXT NOT NULL,      -- holds for these bytes only
      verdict TEXT NOT NULL,           -- mask, no_face, normal, exclude; skip and open decide nothing
      detail TEXT NOT NULL,            -- JSON
      who TEXT NOT NULL, at TEXT NOT NULL, tool TEXT NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "decisions" VALUES('sky.png',1,'90f564dba2c015677081f00ad76d4811840044ac05cfad30c2267e1c3e120cfb','no_face','{"mask": null, "mask_sha256": null, "as_drawn": false, "dismissed": [], "accepts_loss": false, "alpha_sha256": null, "unsettled": null, "basis": null, "reference": null, "note": null}','somebody','2026-12-01T02:51:55.735+00:00','0.1.0');
INSERT INTO "decisions" VALUES('wall.jpg',1,'12f37d4465f68bb1ff78f4a82c3ced7deae563d8e046c35bd8aa5ee0999520fa','no_face','{"mask": null, "mask_sha256": null, "as_drawn": false, "dismissed": [], "accepts_loss": false, "alpha_sha256": null, "unsettled": null, "basis": null, "reference": null, "note": null}','somebody','2026-12-01T02:51:55.697+00:00','0.1.0');
CREATE TABLE events (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, path TEXT, previous TEXT
    );
INSERT INTO "events" VALUES(1,'2026-12-01T02:51:40.405+00:00','somebody','run started',NULL,'{"settings": "{\"blur\": \"fast\", \"blur_profile\": \"p3m\", \"max_transition_loss\": 0.15, \"min_face\": 12.0, \"min_inside_alpha\": 0.5, \"min_inside_picture\": 0.5, \"min_manual_cover\": 0.95, \"min_score\": 0.5, \"region\": \"p3m\", \"side_views\": \"review\", \"sigma\": 0.3, \"transition_hi\": 250, \"transition_lo\": 5, \"transition_radius\": null}", "p3m_anon": "0.1.0"}');
INSERT INTO "events" VALUES(2,'2026-12-01T02:51:45.894+00:00','somebody','blur: accepted','bystander.jpg','{"status": "pending", "reason": null, "digest": null}');
INSERT INTO "events" VALUES(3,'2026-12-01T02:51:46.083+00:00','somebody','blur: accepted','portrait.jpg','{"status": "pending", "reason": null, "digest": null}');
INSERT INTO "events" VALUES(4,'2026-12-01T02:51:46.226+00:00','somebody','blur: needs_review','sky.png','{"status": "pending", "reason": null, "digest": null}');
INSERT INTO "events" VALUES(5,'2026-12-01T02:51:51.535+00:00','somebody','blur: needs_review','wall.jpg','{"status": "pending", "reason": null, "digest": null}');
INSERT INTO "events" VALUES(6,'2026-12-01T02:51:52.285+00:00','somebody','run finished',NULL,'{"accepted": 2, "needs_review": 2}');
INSERT INTO "events" VALUES(7,'2026-12-01T02:51:55.697+00:00','somebody','decision 1: no_face','wall.jpg',NULL);
INSERT INTO "events" VALUES(8,'2026-12-01T02:51:55.735+00:00','somebody','decision 1: no_face','sky.png',NULL);
INSERT INTO "events" VALUES(9,'2026-12-01T02:51:58.539+00:00','somebody','run started',NULL,'{"settings": "{\"blur\": \"fast\", \"blur_profile\": \"p3m\", \"max_transition_loss\": 0.15, \"min_face\": 12.0, \"min_inside_alpha\": 0.5, \"min_inside_picture\": 0.5, \"min_manual_cover\": 0.95, \"min_score\": 0.5, \"region\": \"p3m\", \"side_views\": \"review\", \"sigma\": 0.3, \"transition_hi\": 250, \"transition_lo\": 5, \"transition_radius\": null}", "p3m_anon": "0.1.0"}');
INSERT INTO "events" VALUES(10,'2026-12-01T02:52:02.232+00:00','somebody','blur: accepted','sky.png','{"status": "needs_review", "reason": "no_face", "digest": "c0d39ce74927459619b17eb0391f1a5bb7a419498c29bc22df272c12b3f9ef38"}');
INSERT INTO "events" VALUES(11,'2026-12-01T02:52:08.337+00:00','somebody','blur: accepted','wall.jpg','{"status": "needs_review", "reason": "no_face", "digest": "5d25678b347482e460f1a609d0a276e3e8b34b24995788c17bd5e8de14c744fc"}');
INSERT INTO "events" VALUES(12,'2026-12-01T02:52:09.539+00:00','somebody','run finished',NULL,'{"accepted": 4}');
CREATE TABLE exports (             -- what annotation tools were last given: a mask that comes back is about it
      path TEXT PRIMARY KEY, image_sha256 TEXT NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE inputs (
      path TEXT PRIMARY KEY,          -- relative to the input folder, posix
      id TEXT NOT NULL,
      id_key TEXT NOT NULL UNIQUE,    -- NFC and case-folded: two ids never differ by case alone
      seen INTEGER NOT NULL,          -- the last run that found the file
      status TEXT NOT NULL,
      reason TEXT, detail TEXT,
      digest TEXT,
      facts TEXT NOT NULL DEFAULT '{}',    -- JSON: what a manifest row needs
      faces TEXT NOT NULL DEFAULT '[]',    -- JSON: landmarks, boxes, decisions
      phash TEXT,                          -- perceptual hash of the original, 16 hex digits
      timings TEXT NOT NULL DEFAULT '{}',  -- JSON: ms per stage
      versions TEXT NOT NULL DEFAULT '{}', -- JSON
      updated TEXT
    , decision INTEGER) WITHOUT ROWID;
INSERT INTO "inputs" VALUES('bystander.jpg','bystander','bystander',2,'accepted',NULL,NULL,'602430c5f43fc74baaf13865edf628ca55c169891eb2362474f840d1738d242d','{"status": "anonymized", "release_basis": null, "width": 1080, "height": 720, "faces": 1, "detector": "centerface", "profile": "p3m", "settings_digest": "9188629c52e5f73f", "alpha": "none", "turns": 0, "second": [{"box": [201.0, 324.8, 350.5, 496.8], "score": 0.9105}], "dismissed": [], "fidelity": "mcu", "jpeg": {"recoded_units": 105, "all_units": 3060, "edge_max": 43, "edge_mean": 2.698, "rest_max": 0}}','[{"box": [206.1, 322.3, 352.4, 506.0], "score": 0.9224, "detector": "centerface", "width": 155.7, "decision": "outline", "landmarks": [[201.7, 397.9], [202.8, 417.3], [205.3, 436.2], [209.3, 454.8], [217.0, 472.0], [228.9, 486.2], [243.3, 497.5], [259.6, 507.0], [278.8, 509.8], [298.3, 506.6], [315.2, 497.1], [330.3, 485.5], [342.8, 471.1], [350.6, 453.7], [354.4, 434.8], [356.6, 415.5], [357.4, 395.6], [216.3, 377.7], [224.7, 368.9], [236.9, 365.3], [249.6, 366.0], [261.7, 370.3], [291.6, 369.7], [303.9, 365.1], [317.1, 364.0], [329.8, 367.4], [339.0, 376.1], [276.7, 385.8], [276.7, 397.5], [276.5, 409.1], [276.5, 421.4], [261.8, 430.6], [269.2, 433.1], [277.2, 435.1], [285.2, 432.8], [292.7, 430.4], [231.6, 390.8], [239.3, 386.2], [248.6, 386.0], [256.9, 390.9], [248.6, 392.3], [239.2, 392.5], [298.0, 390.3], [306.1, 385.1], [315.4, 385.1], [323.5, 389.5], [315.8, 391.4], [306.3, 391.5], [246.4, 455.3], [257.1, 449.0], [269.0, 446.8], [277.5, 447.9], [286.0, 446.5], [298.6, 448.5], [310.3, 454.4], [299.5, 466.2], [287.4, 470.6], [277.9, 471.5], [268.4, 470.9], [256.7, 466.7], [250.7, 455.8], [269.0, 452.2], [277.7, 452.8], [286.3, 452.0], [305.9, 455.0], [286.9, 462.3], [277.8, 463.3], [268.7, 462.5]], "outline": [[196.7, 394.3], [195.7, 396.2], [195.5, 398.3], [196.6, 417.6], [196.6, 418.1], [199.2, 437.0], [199.3, 437.5], [203.2, 456.1], [203.6, 457.3], [211.3, 474.5], [212.2, 476.0], [224.2, 490.2], [225.1, 491.0], [239.4, 502.4], [240.2, 502.9], [256.4, 512.3], [258.7, 513.1], [277.9, 515.9], [279.8, 515.9], [299.3, 512.7], [301.3, 512.0], [318.3, 502.5], [319.0, 502.0], [334.1, 490.4], [335.0, 489.6], [347.5, 475.2], [348.5, 473.7], [356.2, 456.2], [356.7, 454.9], [360.5, 436.0], [360.5, 435.5], [362.8, 416.2], [362.8, 415.7], [363.6, 395.9], [363.2, 393.4], [361.9, 391.4], [343.6, 371.8], [343.3, 371.5], [334.1, 362.9], [331.4, 361.4], [318.7, 358.0], [316.6, 357.8], [303.4, 358.9], [301.7, 359.3], [290.4, 363.5], [262.7, 364.0], [251.7, 360.1], [249.9, 359.7], [237.2, 359.1], [235.1, 359.3], [222.9, 362.9], [220.2, 364.6], [211.8, 373.4], [211.3, 374.0]]}]','c8f0803e7f88c779','{"decode": 4.169823000000017, "look": 127.02476299999998, "hash": 23.023253000000075, "mask": 2.850398999999948, "blur": 1.3171990000000466, "encode": 55.07730300000002, "encode face mask": 1.2159399999999154, "write": 4.096859000000008, "private pictures": 6.635626000000006}','{"p3m_anon": "0.1.0", "detector": "centerface", "model_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", "second": "centerface-mirrored", "second_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"}','2026-12-01T02:51:45.894+00:00',NULL);
INSERT INTO "inputs" VALUES('portrait.jpg','portrait','portrait',2,'accepted',NULL,NULL,'26ccaac563c46c2217c7234493a259953df5ecfed0dd6ae5036c09a4c8ce0311','{"status": "anonymized", "release_basis": null, "width": 240, "height": 240, "faces": 1, "detector": "centerface", "profile": "p3m", "settings_digest": "9188629c52e5f73f", "alpha": "none", "turns": 0, "second": [{"box": [79.8, 44.4, 138.8, 117.8], "score": 0.9288}], "dismissed": [], "fidelity": "mcu", "jpeg": {"recoded_units": 21, "all_units": 225, "edge_max": 32, "edge_mean": 1.612, "rest_max": 0}}','[{"box": [82.0, 41.3, 137.3, 114.2], "score": 0.8734, "detector": "centerface", "width": 59.5, "decision": "outline", "landmarks": [[81.3, 70.3], [81.0, 77.7], [81.4, 85.1], [82.3, 92.3], [84.6, 99.1], [88.7, 104.8], [93.8, 109.5], [99.7, 113.6], [106.8, 115.3], [114.3, 114.8], [121.0, 111.9], [127.1, 108.1], [132.4, 103.1], [135.9, 96.8], [138.1, 89.8], [139.6, 82.5], [140.6, 75.0], [87.8, 62.5], [91.3, 59.3], [96.1, 58.3], [101.0, 59.0], [105.5, 61.0], [116.6, 61.9], [121.5, 60.6], [126.5, 60.7], [131.2, 62.5], [134.4, 66.3], [110.5, 67.5], [110.1, 71.8], [109.7, 76.2], [109.3, 80.8], [103.3, 84.0], [106.0, 85.2], [109.0, 86.2], [112.1, 85.7], [115.0, 85.0], [93.2, 67.9], [96.3, 66.4], [99.8, 66.6], [102.8, 68.8], [99.6, 69.1], [96.0, 68.8], [118.3, 70.0], [121.6, 68.3], [125.1, 68.6], [128.1, 70.7], [125.1, 71.1], [121.5, 70.8], [96.5, 93.2], [100.8, 90.9], [105.4, 90.4], [108.6, 91.2], [111.9, 90.9], [116.6, 92.2], [120.7, 95.1], [116.3, 99.1], [111.6, 100.4], [107.9, 100.4], [104.3, 99.8], [100.0, 97.8], [98.1, 93.5], [105.2, 92.6], [108.5, 93.1], [111.8, 93.1], [119.1, 95.1], [111.6, 97.2], [108.2, 97.3], [104.8, 96.6]], "outline": [[79.5, 68.8], [79.1, 69.5], [78.9, 70.2], [78.7, 77.7], [78.7, 77.8], [79.0, 85.2], [79.0, 85.4], [79.9, 92.6], [80.0, 93.1], [82.4, 99.9], [82.7, 100.5], [86.8, 106.2], [87.1, 106.5], [92.2, 111.3], [92.4, 111.5], [98.3, 115.6], [99.1, 115.9], [106.3, 117.6], [107.0, 117.7], [114.5, 117.2], [115.3, 117.0], [122.0, 114.0], [122.3, 113.9], [128.4, 110.1], [128.7, 109.8], [134.0, 104.9], [134.4, 104.3], [138.0, 98.0], [138.2, 97.5], [140.3, 90.5], [140.4, 90.3], [141.9, 83.0], [142.0, 82.8], [143.0, 75.3], [142.9, 74.4], [142.5, 73.6], [136.3, 64.9], [136.2, 64.7], [133.1, 61.0], [132.1, 60.3], [127.4, 58.5], [126.6, 58.3], [121.6, 58.2], [120.9, 58.3], [116.4, 59.5], [106.1, 58.7], [102.0, 56.8], [101.3, 56.6], [96.4, 56.0], [95.6, 56.0], [90.8, 57.0], [89.7, 57.6], [86.2, 60.8], [86.0, 61.0]]}]','08976734ba9fcd30','{"decode": 1.2634480000000003, "look": 32.456162000000006, "hash": 0.4356940000000975, "mask": 2.6199709999999987, "blur": 0.5229369999999456, "encode": 7.674315000000043, "encode face mask": 0.329454999999923, "write": 2.643192000000072, "private pictures": 2.402680999999962}','{"p3m_anon": "0.1.0", "detector": "centerface", "model_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", "second": "centerface-mirrored", "second_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"}','2026-12-01T02:51:46.083+00:00',NULL);
INSERT INTO "inputs" VALUES('sky.png','sky','sky',2,'accepted',NULL,NULL,'aa03cdbc21640fb7fc48b58a136ea59f675c48ecaddbc86d8474060ba16d3ce4','{"status": "no_face", "release_basis": "no_identifiable_face", "width": 160, "height": 120, "faces": 0, "detector": "centerface", "profile": "p3m", "settings_digest": "9188629c52e5f73f", "alpha": "none", "turns": 0, "second": [], "dismissed": [], "fidelity": "exact"}','[]','0000000000000000','{"decode": 1.5955489999999184, "look": 45.80684800000001, "hash": 15.715551999999967, "mask": 0.08955700000001787, "blur": 0.036747999999975356, "encode": 0.2967750000000269, "encode face mask": 0.30891600000004793, "write": 2.3979039999999507, "private pictures": 1.428854000000035}','{"p3m_anon": "0.1.0", "detector": "centerface", "model_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", "second": "centerface-mirrored", "second_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"}','2026-12-01T02:52:02.232+00:00',1);
INSERT INTO "inputs" VALUES('wall.jpg','wall','wall',2,'accepted',NULL,NULL,'b45a67ea7c11922a248dfb621a654ae92e1265145ee6f0afa5d237cba04a7cc5','{"status": "no_face", "release_basis": "no_identifiable_face", "width": 2200, "height": 1400, "faces": 0, "detector": "centerface", "profile": "p3m", "settings_digest": "9188629c52e5f73f", "alpha": "none", "turns": 0, "second": [], "dismissed": [], "fidelity": "mcu", "jpeg": {"recoded_units": 0, "all_units": 12144, "edge_max": 0, "edge_mean": 0.0, "rest_max": 0}}','[]','6798989867676798','{"decode": 27.862086000000062, "look": 1212.610554, "hash": 2.5982199999998734, "mask": 0.11925300000004135, "blur": 1.1285560000000583, "encode": 163.9714590000001, "encode face mask": 8.66137999999994, "write": 2.7534380000000525, "private pictures": 9.142653000000056}','{"p3m_anon": "0.1.0", "detector": "centerface", "model_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", "second": "centerface-mirrored", "second_sha256": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"}','2026-12-01T02:52:08.341+00:00',1);
CREATE TABLE outputs (
      path TEXT NOT NULL, role TEXT NOT NULL,  -- image, alpha, facemask, ...
      file TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (path, role)
    ) WITHOUT ROWID;
INSERT INTO "outputs" VALUES('bystander.jpg','facemask','facemask/bystander.png',2202,'701e36640528afd9e57065ee7df2836486da53cee9dc5b239c20a77664cce143');
INSERT INTO "outputs" VALUES('bystander.jpg','image','blurred_image/bystander.jpg',37286,'1d4d70db526e8d6d36591e5e557e7818db4cfa54e3eb04f68714b069f8f90c6d');
INSERT INTO "outputs" VALUES('bystander.jpg','thumbnail','thumbnails/bystander.jpg',11216,'fd28d4fff05d0e5692975ec30cc83d5f22bcedf1d4223e324d964f07d6bfa9a1');
INSERT INTO "outputs" VALUES('portrait.jpg','facemask','facemask/portrait.png',713,'85b7f87698a16845550bf4e78f0a9363ad31b527d377c8af293f5c58ebd2d87b');
INSERT INTO "outputs" VALUES('portrait.jpg','image','blurred_image/portrait.jpg',11196,'5151f247391b1ba8bbdc92b3907ba47fa53d270fb297e4f600fd385f73cb7b20');
INSERT INTO "outputs" VALUES('portrait.jpg','thumbnail','thumbnails/portrait.jpg',24139,'d029b898345ff7291837a2c63eb03b079b153f6c8b255689d615e7dab1b03a8b');
INSERT INTO "outputs" VALUES('sky.png','facemask','facemask/sky.png',212,'ca28020e3604d002ebab1f00ab6d7a00747806581b5a0e5c9e4d0a75dc8076b4');
INSERT INTO "outputs" VALUES('sky.png','image','blurred_image/sky.png',892,'1af0d7b7f73d62eb0a3d3f12daca238f72644906a6728ae5ae44303f2fb7702c');
INSERT INTO "outputs" VALUES('sky.png','thumbnail','thumbnails/sky.jpg',2396,'3eee580afdbce3c5086d18e7e62c5e88e31fff3815233b1cd3282692c911aa5e');
INSERT INTO "outputs" VALUES('wall.jpg','facemask','facemask/wall.png',2179,'ea82b8749fd7e606d799ba45c393bff581bc8787704b65937814c0cc6eaa8bf0');
INSERT INTO "outputs" VALUES('wall.jpg','image','blurred_image/wall.jpg',18943,'1cecaa34cf09b4677c181baa95118ff257ddc7a195567d7337d41945ceb9a916');
INSERT INTO "outputs" VALUES('wall.jpg','thumbnail','thumbnails/wall.jpg',2735,'2039e77039461139fee46ea7734d226c56ae2ab2ea59dcfeaa10477970dd3591');
CREATE TABLE runs (n INTEGER PRIMARY KEY, at TEXT);
INSERT INTO "runs" VALUES(1,'2026-12-01T02:51:40.314+00:00');
INSERT INTO "runs" VALUES(2,'2026-12-01T02:51:58.463+00:00');
CREATE TABLE sample_items (
      sample INTEGER NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL,
      output_sha256 TEXT NOT NULL,     -- the released file that was drawn
      answer TEXT,                     -- covered or missed
      who TEXT, at TEXT,
      PRIMARY KEY (sample, place)
    ) WITHOUT ROWID;
CREATE TABLE samples (             -- spot checks of what was released
      n INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL,
      seed INTEGER NOT NULL, asked INTEGER NOT NULL, population INTEGER NOT NULL,
      statement TEXT                   -- what it said when it was finished
    );
CREATE TABLE sources (
      path TEXT NOT NULL, role TEXT NOT NULL,  -- image, alpha, manual_mask, landmarks
      file TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
      PRIMARY KEY (path, role)
    ) WITHOUT ROWID;
INSERT INTO "sources" VALUES('bystander.jpg','image','/photos/bystander.jpg',41493,1796093494518659608,'cab0e8f3b0745ef3d841c4ec1bb8f2b66355db5aa1fffac56d0a1a19fa06d4e6');
INSERT INTO "sources" VALUES('portrait.jpg','image','/photos/portrait.jpg',11974,1796093494767847165,'26faafc1ae10f0f76a5ca4cd493af1afde48c829f0e14224d7e0cffb4257dde4');
INSERT INTO "sources" VALUES('sky.png','image','/photos/sky.png',365,1796093494768806175,'90f564dba2c015677081f00ad76d4811840044ac05cfad30c2267e1c3e120cfb');
INSERT INTO "sources" VALUES('wall.jpg','image','/photos/wall.jpg',19221,1796093494750659619,'12f37d4465f68bb1ff78f4a82c3ced7deae563d8e046c35bd8aa5ee0999520fa');
CREATE INDEX inputs_status ON inputs (status, path);
CREATE INDEX outputs_file ON outputs (file);
CREATE TRIGGER events_keep BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE INDEX sample_items_path ON sample_items (path);
CREATE INDEX inputs_queue ON inputs (seen, status, reason, decision);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',12);
COMMIT;
PRAGMA user_version=2;
