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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 8, "folder": "/dev/shm/g3b/tmpoqtwfy2k/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20875, "since": "2026-11-29 07:11:11+00:00", "started": "3913111", "token": "2459cb59478ecaca"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'skipped/0000','[{"key": "26d853a6fe34", "alpha": 1.0, "beta": 1.0, "gamma": 1.5, "product": 2.25, "merged": [[1.0, 1.0, 1.5]], "depth": 1.0, "width": 1.0686274509803921, "resolution_multiplier": 1.4375, "resolution": 23, "blocks": 16, "params": 18478, "macs": 47079, "activations": 5104, "nominal_ratio": 2.25, "macs_ratio": 2.0301423027166883, "full_macs": 975395200, "full_macs_ratio": 2.528143869418451, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 46380.0, "value": 47079, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 95300, "training_bytes": 1450784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.025543055527083025, "resolution_doublings": 1.0471239121140257, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "60e98014af2c", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.6470588235294117, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 33707, "macs": 46374, "activations": 4357, "nominal_ratio": 2.25, "macs_ratio": 1.9997412677878397, "full_macs": 982956272, "full_macs_ratio": 2.5477415441076756, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 46380.0, "value": 46374, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 156156, "training_bytes": 1476752, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.9998133520870819, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "73f33cb6f176", "alpha": 1.25, "beta": 1.25, "gamma": 1.0, "product": 1.953125, "merged": [[1.25, 1.25, 1.0]], "depth": 1.3125, "width": 1.2941176470588236, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 21, "params": 29686, "macs": 46284, "activations": 4917, "nominal_ratio": 1.953125, "macs_ratio": 1.9958602846054334, "full_macs": 827725520, "full_macs_ratio": 2.145396244465012, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 5 distinct networks are trained", "budget": {"kind": "macs", "target": 46380.0, "value": 46284, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 140312, "training_bytes": 1530656, "resolution_width": null, "depth_doublings": 0.3349338047121256, "width_doublings": 0.6620769271044264, "resolution_doublings": 0.0, "repeats": [1, 3, 3, 4, 4, 5, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'chosen/0000','[{"key": "3f7de105738c", "candidate": {"key": "3f7de105738c", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.1875, "width": 1.0, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 19, "params": 20003, "macs": 46944, "activations": 4829, "nominal_ratio": 1.953125, "macs_ratio": 2.024320827943079, "full_macs": 720999120, "full_macs_ratio": 1.8687702226585674, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 46380.0, "value": 46944, "matched_by": "shares", "full_size": false, "missed": "14.8 points of share"}, "inference_bytes": 98460, "training_bytes": 1396272, "resolution_width": null, "depth_doublings": 0.22329865358658388, "width_doublings": 0.15028311277871542, "resolution_doublings": 0.6438561897747247, "repeats": [1, 2, 3, 4, 3, 5, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 2, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.25}], "head_channels": 51, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "4b6b132db247", "candidate": {"key": "4b6b132db247", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 2.1875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 35, "params": 37862, "macs": 46944, "activations": 4917, "nominal_ratio": 2.0, "macs_ratio": 2.024320827943079, "full_macs": 836024416, "full_macs_ratio": 2.1669062980774774, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 46380.0, "value": 46944, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 173608, "training_bytes": 1653248, "resolution_width": null, "depth_doublings": 1.017437956140024, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [3, 4, 4, 7, 7, 8, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 2, "stages": [{"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.25}], "head_channels": 51, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(4,1,'run','{"kind": "grid", "name": "grid-efficientnet-b0-phi1", "command": "scalesearch grid --phi 1 --max-networks 2 --step=0.25 --tolerance=0.3 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --baseline-width=0.04 --dataset=folder:drawings --no-latency --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.04, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": true, "latency": false, "latency_batch_size": 1, "storage": "", "phi": 1.0, "alpha_min": 1.0, "alpha_max": 2.0, "beta_min": 1.0, "beta_max": 1.5, "gamma_min": 1.0, "gamma_max": 1.5, "step": 0.25, "tolerance": 0.3, "constraint": "product", "match": "macs", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "anchor": "1.2,1.1,1.15", "max_networks": 2, "rungs": [], "time_budget": 0.0, "regret": 1.5, "check_recipe": false, "confirm": 0}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 45, "feasible": 6, "thinning": "2 of 5 distinct networks are trained (--max-networks 2): those nearest to the corners, the middles of the edges, the centre and the inside of the triangle of shares of depth, width and resolution, (1.2,1.1,1.15) among them where the grid holds it. The surface through them predicts the others.", "classes": 3, "baseline": {"params": 16745, "macs": 23190, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["26d853a6fe34", "60e98014af2c", "3f7de105738c", "73f33cb6f176", "4b6b132db247"], "rungs": [{"images": 96, "networks": 2, "seeds": 2}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(5,1,'stopped','"all 2 designs were trained (--seeds)"');
INSERT INTO "study_user_attributes" VALUES(6,1,'session/0000','35.929');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,3.33333333333333314829e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.25, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',2.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.25, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,2,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(6,2,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
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
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"3f7de105738c"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "3f7de105738c", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.1875, "width": 1.0, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 19, "params": 20003, "macs": 46944, "activations": 4829, "nominal_ratio": 1.953125, "macs_ratio": 2.024320827943079, "full_macs": 720999120, "full_macs_ratio": 1.8687702226585674, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 46380.0, "value": 46944, "matched_by": "shares", "full_size": false, "missed": "14.8 points of share"}, "inference_bytes": 98460, "training_bytes": 1396272, "resolution_width": null, "depth_doublings": 0.22329865358658388, "width_doublings": 0.15028311277871542, "resolution_doublings": 0.6438561897747247, "repeats": [1, 2, 3, 4, 3, 5, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 2, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.25}], "head_channels": 51, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"4b6b132db247"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "4b6b132db247", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[1.75, 1.0, 1.0], [2.0, 1.0, 1.0]], "depth": 2.1875, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 35, "params": 37862, "macs": 46944, "activations": 4917, "nominal_ratio": 2.0, "macs_ratio": 2.024320827943079, "full_macs": 836024416, "full_macs_ratio": 2.1669062980774774, "phi": 1.0, "role": "", "budget": {"kind": "macs", "target": 46380.0, "value": 46944, "matched_by": "shares", "full_size": false, "missed": ""}, "inference_bytes": 173608, "training_bytes": 1653248, "resolution_width": null, "depth_doublings": 1.017437956140024, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [3, 4, 4, 7, 7, 8, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 2, "stages": [{"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 1, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 8, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.25}], "head_channels": 51, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'run/0','{"top1": 0.3333333333333333, "loss": 1.101061503092448, "held_out_images": 60, "train_seconds": 2.2189684040058637, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 1.9196553230285645, "loss": 1.099559529622396, "top1": 0.3333333333333333}, {"images": 48, "train_loss": 1.684949278831482, "loss": 1.100293223063151, "top1": 0.3333333333333333}, {"images": 80, "train_loss": 1.6032743453979492, "loss": 1.1011393229166666, "top1": 0.3333333333333333}, {"images": 96, "train_loss": 1.6932320594787598, "loss": 1.101061503092448, "top1": 0.3333333333333333}], "fvcore_total": 57299, "uncounted": {"aten::silu": 58, "aten::sigmoid": 19, "aten::mul": 19, "aten::add": 12}, "computed": [["cpu", 1]]}');
INSERT INTO "trial_user_attributes" VALUES(8,2,'run/0','{"top1": 0.3333333333333333, "loss": 1.099312464396159, "held_out_images": 60, "train_seconds": 2.3116300350011443, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.023385524749756, "loss": 1.0986310323079427, "top1": 0.3333333333333333}, {"images": 48, "train_loss": 1.4421229362487793, "loss": 1.098672103881836, "top1": 0.3333333333333333}, {"images": 80, "train_loss": 1.8275070190429688, "loss": 1.0991639455159505, "top1": 0.3333333333333333}, {"images": 96, "train_loss": 1.3810558319091797, "loss": 1.099312464396159, "top1": 0.3333333333333333}], "fvcore_total": 56591, "uncounted": {"aten::silu": 104, "aten::sigmoid": 35, "aten::mul": 35, "aten::add": 28}, "computed": [["cpu", 1]]}');
INSERT INTO "trial_user_attributes" VALUES(9,1,'run/1','{"top1": 0.3333333333333333, "loss": 1.1057757059733073, "held_out_images": 60, "train_seconds": 2.124126337999769, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 1.4413623809814453, "loss": 1.1001312255859375, "top1": 0.3333333333333333}, {"images": 48, "train_loss": 1.1980572938919067, "loss": 1.1016988118489583, "top1": 0.3333333333333333}, {"images": 80, "train_loss": 1.306201696395874, "loss": 1.1044825236002604, "top1": 0.3333333333333333}, {"images": 96, "train_loss": 1.079908013343811, "loss": 1.1057757059733073, "top1": 0.3333333333333333}], "fvcore_total": null, "uncounted": null, "computed": [["cpu", 1]]}');
INSERT INTO "trial_user_attributes" VALUES(10,2,'run/1','{"top1": 0.3333333333333333, "loss": 1.1000320434570312, "held_out_images": 60, "train_seconds": 2.944749494017742, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 1.5258359909057617, "loss": 1.098798116048177, "top1": 0.3333333333333333}, {"images": 48, "train_loss": 0.9780566096305847, "loss": 1.0991867065429688, "top1": 0.3333333333333333}, {"images": 80, "train_loss": 1.3996413946151733, "loss": 1.0995724995930989, "top1": 0.3333333333333333}, {"images": 96, "train_loss": 1.7058502435684204, "loss": 1.1000320434570312, "top1": 0.3333333333333333}], "fvcore_total": null, "uncounted": null, "computed": [["cpu", 1]]}');
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
INSERT INTO "trial_values" VALUES(1,1,0,3.33333333333333314829e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,3.33333333333333314829e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:11:14.001990','2026-11-29 07:11:47.006713');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:11:14.182834','2026-11-29 07:11:49.603570');
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
