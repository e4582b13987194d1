BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'grid-efficientnet-b0-phi1');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 1, "folder": "/dev/shm/g3b/tmpip_cfpku/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20732, "since": "2026-11-29 07:11:33+00:00", "started": "3908815", "token": "a3462dc012dbc202"}');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'data','"4d258be559789b27f670d322f929d56ac8d40c1da3afadf0700c505dfb3e10f3"');
INSERT INTO "study_user_attributes" VALUES(2,1,'skipped/0000','[{"key": "9fee3ca6a8de", "alpha": 1.0, "beta": 1.0, "gamma": 1.5, "product": 2.25, "merged": [[1.0, 1.0, 1.5]], "depth": 1.0, "width": 1.10625, "resolution_multiplier": 1.4375, "resolution": 23, "blocks": 16, "params": 104069, "macs": 213647, "activations": 13845, "nominal_ratio": 2.25, "macs_ratio": 2.030980854421355, "full_macs": 1027840864, "full_macs_ratio": 2.664078702724151, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 3 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 210388.0, "value": 213647, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 460856, "training_bytes": 4632896, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.024947272362557005, "resolution_doublings": 1.0471239121140257, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "231684019935", "alpha": 1.25, "beta": 1.25, "gamma": 1.0, "product": 1.953125, "merged": [[1.25, 1.25, 1.0]], "depth": 1.3125, "width": 1.3125, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 21, "params": 177239, "macs": 212260, "activations": 11405, "nominal_ratio": 1.953125, "macs_ratio": 2.0177956917694924, "full_macs": 865527104, "full_macs_ratio": 2.2433748308307297, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 3 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 210388.0, "value": 212260, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 757476, "training_bytes": 5220032, "resolution_width": null, "depth_doublings": 0.3382219558007205, "width_doublings": 0.6745581485777041, "resolution_doublings": 0.0, "repeats": [1, 3, 3, 4, 4, 5, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'chosen/0000','[{"key": "5957caeaddf3", "candidate": {"key": "5957caeaddf3", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.1875, "width": 1.01875, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 19, "params": 116029, "macs": 210078, "activations": 12834, "nominal_ratio": 1.953125, "macs_ratio": 1.997053063862958, "full_macs": 735209808, "full_macs_ratio": 1.9056031532977775, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210078, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 505868, "training_bytes": 4589888, "resolution_width": null, "depth_doublings": 0.34846982519563063, "width_doublings": 0.00554665229067719, "resolution_doublings": 0.6438561897747247, "repeats": [1, 2, 3, 3, 3, 6, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.25}], "head_channels": 163, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "942c60246695", "candidate": {"key": "942c60246695", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 1.875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 30, "params": 188494, "macs": 210454, "activations": 11830, "nominal_ratio": 2.0, "macs_ratio": 2.000627412209822, "full_macs": 723678112, "full_macs_ratio": 1.875713948853879, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210454, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 806272, "training_bytes": 5470128, "resolution_width": null, "depth_doublings": 1.0004525112677884, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 3, 4, 6, 5, 8, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "17f2cb93f98c", "candidate": {"key": "17f2cb93f98c", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.5, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 177333, "macs": 210390, "activations": 10147, "nominal_ratio": 2.25, "macs_ratio": 2.0000190124912067, "full_macs": 863173104, "full_macs_ratio": 2.2372734570812884, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210390, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 754108, "training_bytes": 4962784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 1.0000137145482026, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 21, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 36, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 60, "squeeze_ratio": 0.25}], "head_channels": 240, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(4,1,'run','{"kind": "grid", "name": "grid-efficientnet-b0-phi1", "command": "scalesearch grid --phi 1 --max-networks 3 --step=0.25 --tolerance=0.3 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": true, "latency_batch_size": 1, "storage": "", "phi": 1.0, "alpha_min": 1.0, "alpha_max": 2.0, "beta_min": 1.0, "beta_max": 1.5, "gamma_min": 1.0, "gamma_max": 1.5, "step": 0.25, "tolerance": 0.3, "constraint": "product", "match": "macs", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "anchor": "1.2,1.1,1.15", "max_networks": 3, "rungs": [], "time_budget": 0.0, "regret": 1.5, "check_recipe": false, "confirm": 0}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 45, "feasible": 6, "thinning": "3 of 5 distinct networks are trained (--max-networks 3): those nearest to the corners, the middles of the edges, the centre and the inside of the triangle of shares of depth, width and resolution, (1.2,1.1,1.15) among them where the grid holds it. The surface through them predicts the others.", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["9fee3ca6a8de", "17f2cb93f98c", "5957caeaddf3", "231684019935", "942c60246695"], "rungs": [{"images": 96, "networks": 3, "seeds": 2}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(5,1,'stopped','"all 2 designs were trained (--seeds)"');
INSERT INTO "study_user_attributes" VALUES(6,1,'session/0000','3.504');
INSERT INTO "study_user_attributes" VALUES(7,1,'latency/5957caeaddf3','{"samples_s": [0.00941868397125012, 0.00941868397125012, 0.00941868397125012, 0.00941868397125012, 0.00941868397125012], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(8,1,'latency/942c60246695','{"samples_s": [0.0061193109136965735, 0.0061193109136965735, 0.0061193109136965735, 0.0061193109136965735, 0.0061193109136965735], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(9,1,'latency/17f2cb93f98c','{"samples_s": [0.01066085328143418, 0.01066085328143418, 0.01066085328143418, 0.01066085328143418, 0.01066085328143418], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,7.34011696471927876928e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,8.04259382037045167379e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,8.47036786878431868785e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,8.60491283836245735017e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,0.241036487242537,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,3.17610471262387061841e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,0.410138806856194,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,4.40427778316017759507e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,32,7.3532616060091726684e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,3,48,7.73299267717470151239e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,3,80,7.87586518023735249194e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,3,96,7.9800397721802762696e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',2.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,2,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(6,2,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(7,3,'alpha',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(8,3,'beta',1.5,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(9,3,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"alpha": 1.25, "beta": 1.0, "gamma": 1.25}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"alpha": 2.0, "beta": 1.0, "gamma": 1.0}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"alpha": 1.0, "beta": 1.5, "gamma": 1.0}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"5957caeaddf3"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "5957caeaddf3", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.1875, "width": 1.01875, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 19, "params": 116029, "macs": 210078, "activations": 12834, "nominal_ratio": 1.953125, "macs_ratio": 1.997053063862958, "full_macs": 735209808, "full_macs_ratio": 1.9056031532977775, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210078, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 505868, "training_bytes": 4589888, "resolution_width": null, "depth_doublings": 0.34846982519563063, "width_doublings": 0.00554665229067719, "resolution_doublings": 0.6438561897747247, "repeats": [1, 2, 3, 3, 3, 6, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.25}], "head_channels": 163, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"942c60246695"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "942c60246695", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 1.875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 30, "params": 188494, "macs": 210454, "activations": 11830, "nominal_ratio": 2.0, "macs_ratio": 2.000627412209822, "full_macs": 723678112, "full_macs_ratio": 1.875713948853879, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210454, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 806272, "training_bytes": 5470128, "resolution_width": null, "depth_doublings": 1.0004525112677884, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 3, 4, 6, 5, 8, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,3,'key','"17f2cb93f98c"');
INSERT INTO "trial_user_attributes" VALUES(8,3,'candidate','{"key": "17f2cb93f98c", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.5, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 177333, "macs": 210390, "activations": 10147, "nominal_ratio": 2.25, "macs_ratio": 2.0000190124912067, "full_macs": 863173104, "full_macs_ratio": 2.2372734570812884, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 210388.0, "value": 210390, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 754108, "training_bytes": 4962784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 1.0000137145482026, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'arch','{"name": "efficientnet-b0", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 21, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 36, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 60, "squeeze_ratio": 0.25}], "head_channels": 240, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/0','{"top1": 0.8602308139217463, "loss": 2.1397691860782535, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.266502687062354, "top1": 0.7334973129376458}, {"images": 48, "train_loss": 2.0, "loss": 2.1920706828689602, "top1": 0.8079293171310398}, {"images": 80, "train_loss": 2.0, "loss": 2.161618439234762, "top1": 0.8383815607652377}, {"images": 96, "train_loss": 2.0, "loss": 2.1397691860782535, "top1": 0.8602308139217463}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'run/0','{"top1": 0.43925308475922037, "loss": 2.5607469152407796, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.754756742510342, "top1": 0.24524325748965786}, {"images": 48, "train_loss": 2.0, "loss": 2.6817811208928584, "top1": 0.31821887910714186}, {"images": 80, "train_loss": 2.0, "loss": 2.5841476236993546, "top1": 0.41585237630064553}, {"images": 96, "train_loss": 2.0, "loss": 2.5607469152407796, "top1": 0.43925308475922037}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(12,3,'run/0','{"top1": 0.7901370532859099, "loss": 2.20986294671409, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.262222132098759, "top1": 0.737777867901241}, {"images": 48, "train_loss": 2.0, "loss": 2.228726194268688, "top1": 0.7712738057313122}, {"images": 80, "train_loss": 2.0, "loss": 2.2133281431423644, "top1": 0.7866718568576357}, {"images": 96, "train_loss": 2.0, "loss": 2.20986294671409, "top1": 0.7901370532859099}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(13,1,'run/1','{"top1": 0.8607517537507451, "loss": 2.139248246249255, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.2654739199937897, "top1": 0.7345260800062101}, {"images": 48, "train_loss": 2.0, "loss": 2.1994105530569494, "top1": 0.8005894469430506}, {"images": 80, "train_loss": 2.0, "loss": 2.144307987008374, "top1": 0.855692012991626}, {"images": 96, "train_loss": 2.0, "loss": 2.139248246249255, "top1": 0.8607517537507451}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(14,2,'run/1','{"top1": 0.4416024718728151, "loss": 2.558397528127185, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.763170283004584, "top1": 0.23682971699541616}, {"images": 48, "train_loss": 2.0, "loss": 2.6829979365823675, "top1": 0.3170020634176323}, {"images": 80, "train_loss": 2.0, "loss": 2.5955747625882575, "top1": 0.4044252374117425}, {"images": 96, "train_loss": 2.0, "loss": 2.558397528127185, "top1": 0.4416024718728151}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(15,3,'run/1','{"top1": 0.8058709011501455, "loss": 2.1941290988498547, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.2671255466994067, "top1": 0.7328744533005935}, {"images": 48, "train_loss": 2.0, "loss": 2.224675270296372, "top1": 0.7753247297036281}, {"images": 80, "train_loss": 2.0, "loss": 2.2114988208101654, "top1": 0.7885011791898348}, {"images": 96, "train_loss": 2.0, "loss": 2.1941290988498547, "top1": 0.8058709011501455}], "fvcore_total": null, "uncounted": null}');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,8.60491283836245735017e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,4.40427778316017759507e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,7.9800397721802762696e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:11:34.259639','2026-11-29 07:11:35.939635');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:11:34.516921','2026-11-29 07:11:36.403885');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:11:34.634478','2026-11-29 07:11:36.992659');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
