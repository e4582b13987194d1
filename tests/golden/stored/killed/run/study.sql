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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 6, "folder": "/dev/shm/g3b/tmp2t_8yy7_/run", "held": true, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20775, "since": "2026-11-29 07:10:21+00:00", "started": "3909302", "token": "b470558f224bc60d"}');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'data','"f72b1c48b69a4f38f0d31628e2f9f4424e4d5680a7768ecefdb05486a570e97e"');
INSERT INTO "study_user_attributes" VALUES(2,1,'skipped/0000','[{"key": "321d1dfa080d", "alpha": 1.0, "beta": 1.0, "gamma": 1.5, "product": 2.25, "merged": [[1.0, 1.0, 1.5]], "depth": 1.0, "width": 1.10625, "resolution_multiplier": 1.4375, "resolution": 23, "blocks": 16, "params": 106739, "macs": 216302, "activations": 13860, "nominal_ratio": 2.25, "macs_ratio": 2.0103537371972413, "full_macs": 1027840864, "full_macs_ratio": 2.664078702724151, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 3 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 215188.0, "value": 216302, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 471536, "training_bytes": 4676576, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.03967453508846375, "resolution_doublings": 1.0471239121140257, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "1618566cb64f", "alpha": 1.25, "beta": 1.25, "gamma": 1.0, "product": 1.953125, "merged": [[1.25, 1.25, 1.0]], "depth": 1.3125, "width": 1.3125, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 21, "params": 180404, "macs": 215410, "activations": 11420, "nominal_ratio": 1.953125, "macs_ratio": 2.0020633120805993, "full_macs": 865527104, "full_macs_ratio": 2.2433748308307297, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 3 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 215188.0, "value": 215410, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 770136, "training_bytes": 5271632, "resolution_width": null, "depth_doublings": 0.33148093239640924, "width_doublings": 0.6700066654440566, "resolution_doublings": 0.0, "repeats": [1, 3, 3, 4, 4, 5, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'chosen/0000','[{"key": "2b3d17a15399", "candidate": {"key": "2b3d17a15399", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.25, "width": 1.01875, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 20, "params": 108180, "macs": 214269, "activations": 13963, "nominal_ratio": 1.953125, "macs_ratio": 1.9914586315222038, "full_macs": 763457616, "full_macs_ratio": 1.9788191406429165, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 214269, "matched_by": "shares", "full_size": false, "missed": "7.3 points of share"}, "inference_bytes": 473328, "training_bytes": 4710400, "resolution_width": null, "depth_doublings": 0.2776781117908757, "width_doublings": 0.07229120941058931, "resolution_doublings": 0.6438561897747247, "repeats": [1, 3, 3, 4, 3, 5, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.25}], "head_channels": 163, "resolution": 20, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "fbe3a68178a8", "candidate": {"key": "fbe3a68178a8", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 1.875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 30, "params": 189010, "macs": 215230, "activations": 12296, "nominal_ratio": 2.0, "macs_ratio": 2.000390356339573, "full_macs": 733501408, "full_macs_ratio": 1.9011751214738415, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 215230, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 807608, "training_bytes": 5579392, "resolution_width": null, "depth_doublings": 1.0002815551018296, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 4, 4, 5, 5, 8, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "edb5bbaf5f72", "candidate": {"key": "edb5bbaf5f72", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.51875, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 181649, "macs": 214683, "activations": 10166, "nominal_ratio": 2.25, "macs_ratio": 1.9953064297265646, "full_macs": 865201008, "full_macs_ratio": 2.242529616907961, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 214683, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 771404, "training_bytes": 5033952, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.9966103257451263, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 21, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 36, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 61, "squeeze_ratio": 0.25}], "head_channels": 243, "resolution": 16, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(4,1,'run','{"kind": "grid", "name": "grid-efficientnet-b0-phi1", "command": "scalesearch grid --phi 1 --max-networks 3 --no-latency --step=0.25 --tolerance=0.3 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=1 --threads=1 --no-keep-weights --dataset=folder:drawings --seeds=1 --dataset=photographs --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "photographs", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 1, "device": "cpu", "jobs": 1, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": false, "latency_batch_size": 1, "storage": "", "phi": 1.0, "alpha_min": 1.0, "alpha_max": 2.0, "beta_min": 1.0, "beta_max": 1.5, "gamma_min": 1.0, "gamma_max": 1.5, "step": 0.25, "tolerance": 0.3, "constraint": "product", "match": "macs", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "anchor": "1.2,1.1,1.15", "max_networks": 3, "rungs": [], "time_budget": 0.0, "regret": 1.5, "check_recipe": false, "confirm": 0}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 45, "feasible": 6, "thinning": "3 of 5 distinct networks are trained (--max-networks 3): those nearest to the corners, the middles of the edges, the centre and the inside of the triangle of shares of depth, width and resolution, (1.2,1.1,1.15) among them where the grid holds it. The surface through them predicts the others.", "classes": 18, "baseline": {"params": 90701, "macs": 107594, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["321d1dfa080d", "edb5bbaf5f72", "2b3d17a15399", "1618566cb64f", "fbe3a68178a8"], "rungs": [{"images": 96, "networks": 3, "seeds": 1}], "objectives": ["top1"]}');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,5.55555555555555524716e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,5.55555555555555524716e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,5.55555555555555524716e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,5.55555555555555524716e-02,'FINITE');
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
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"2b3d17a15399"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "2b3d17a15399", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.25, "width": 1.01875, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 20, "params": 108180, "macs": 214269, "activations": 13963, "nominal_ratio": 1.953125, "macs_ratio": 1.9914586315222038, "full_macs": 763457616, "full_macs_ratio": 1.9788191406429165, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 214269, "matched_by": "shares", "full_size": false, "missed": "7.3 points of share"}, "inference_bytes": 473328, "training_bytes": 4710400, "resolution_width": null, "depth_doublings": 0.2776781117908757, "width_doublings": 0.07229120941058931, "resolution_doublings": 0.6438561897747247, "repeats": [1, 3, 3, 4, 3, 5, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.25}], "head_channels": 163, "resolution": 20, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"fbe3a68178a8"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "fbe3a68178a8", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 1.875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 30, "params": 189010, "macs": 215230, "activations": 12296, "nominal_ratio": 2.0, "macs_ratio": 2.000390356339573, "full_macs": 733501408, "full_macs_ratio": 1.9011751214738415, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 215230, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 807608, "training_bytes": 5579392, "resolution_width": null, "depth_doublings": 1.0002815551018296, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 4, 4, 5, 5, 8, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,3,'key','"edb5bbaf5f72"');
INSERT INTO "trial_user_attributes" VALUES(8,3,'candidate','{"key": "edb5bbaf5f72", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.51875, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 181649, "macs": 214683, "activations": 10166, "nominal_ratio": 2.25, "macs_ratio": 1.9953064297265646, "full_macs": 865201008, "full_macs_ratio": 2.242529616907961, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 215188.0, "value": 214683, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 771404, "training_bytes": 5033952, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.9966103257451263, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'arch','{"name": "efficientnet-b0", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 21, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 36, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 61, "squeeze_ratio": 0.25}], "head_channels": 243, "resolution": 16, "classes": 18, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/0','{"top1": 0.05555555555555555, "loss": 2.893451549388744, "held_out_images": 54, "train_seconds": 1.1898556179949082, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 3.5651397705078125, "loss": 2.890907570167824, "top1": 0.05555555555555555}, {"images": 48, "train_loss": 2.916721820831299, "loss": 2.8913571393048323, "top1": 0.05555555555555555}, {"images": 80, "train_loss": 3.513963222503662, "loss": 2.8926029911747686, "top1": 0.05555555555555555}, {"images": 96, "train_loss": 3.6237258911132812, "loss": 2.893451549388744, "top1": 0.05555555555555555}], "fvcore_total": 244326, "uncounted": {"aten::silu": 61, "aten::sigmoid": 20, "aten::mul": 20, "aten::add": 13}, "computed": [["cpu", 1]]}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'run/0','{"top1": 0.05555555555555555, "loss": 2.8933167634186923, "held_out_images": 54, "train_seconds": 1.2589444629920763, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 3.378870964050293, "loss": 2.890736050075955, "top1": 0.05555555555555555}, {"images": 48, "train_loss": 3.3693227767944336, "loss": 2.8911259969075522, "top1": 0.05555555555555555}, {"images": 80, "train_loss": 3.2749314308166504, "loss": 2.8923622413917824, "top1": 0.05555555555555555}, {"images": 96, "train_loss": 2.8710720539093018, "loss": 2.8933167634186923, "top1": 0.05555555555555555}], "fvcore_total": 239128, "uncounted": {"aten::silu": 90, "aten::sigmoid": 30, "aten::mul": 30, "aten::add": 23}, "computed": [["cpu", 1]]}');
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
INSERT INTO "trial_values" VALUES(1,1,0,5.55555555555555524716e-02,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:10:24.465694','2026-11-29 07:10:44.466656');
INSERT INTO "trials" VALUES(2,1,1,'RUNNING','2026-11-29 07:10:24.661682',NULL);
INSERT INTO "trials" VALUES(3,2,1,'RUNNING','2026-11-29 07:10:24.721411',NULL);
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
