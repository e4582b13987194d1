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
INSERT INTO "studies" VALUES(1,'alternate-efficientnet-b0-round1');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 0, "folder": "/dev/shm/g3b/tmpmvln99hx/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20732, "since": "2026-11-29 07:12:33+00:00", "started": "3908815", "token": "9ae21028c0a9a98b"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'skipped/0000','[{"key": "43ac82d7ccca", "alpha": 1.0, "beta": 1.0, "gamma": 1.5, "product": 2.25, "merged": [[1.0, 1.0, 1.5]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.5, "resolution": 24, "blocks": 16, "params": 88286, "macs": 188544, "activations": 13050, "nominal_ratio": 2.25, "macs_ratio": 1.7923455710401734, "full_macs": 893317232, "full_macs_ratio": 2.315404549383327, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 6 distinct networks are trained", "budget": null, "inference_bytes": 396040, "training_bytes": 4223808, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.328076180139805, "resolution_doublings": 1.1699250014423124, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "17f2cb93f98c", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 1.5, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 177333, "macs": 210390, "activations": 10147, "nominal_ratio": 2.25, "macs_ratio": 2.0000190124912067, "full_macs": 863173104, "full_macs_ratio": 2.2372734570812884, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 6 distinct networks are trained", "budget": null, "inference_bytes": 754108, "training_bytes": 4962784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 1.0000137145482026, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "3aa60efc5985", "alpha": 1.25, "beta": 1.25, "gamma": 1.0, "product": 1.953125, "merged": [[1.25, 1.25, 1.0]], "depth": 1.25, "width": 1.25, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 23, "params": 204164, "macs": 238130, "activations": 12391, "nominal_ratio": 1.953125, "macs_ratio": 2.263722265528452, "full_macs": 917736160, "full_macs_ratio": 2.378696395725169, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 6 distinct networks are trained", "budget": null, "inference_bytes": 868968, "training_bytes": 5841840, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.568654834186191, "resolution_doublings": 0.0, "repeats": [2, 3, 3, 4, 4, 5, 2], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "1298e1f68eb6", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[2.0, 1.0, 1.0]], "depth": 2.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 32, "params": 194304, "macs": 219766, "activations": 12742, "nominal_ratio": 2.0, "macs_ratio": 2.0891495712683232, "full_macs": 782254048, "full_macs_ratio": 2.027537941317495, "status": "skipped", "phi": 1.0, "role": "", "reason": "thinned out: 2 of 6 distinct networks are trained", "budget": null, "inference_bytes": 831280, "training_bytes": 5754784, "resolution_width": null, "depth_doublings": 1.0629157848905968, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 4, 4, 6, 6, 8, 2], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'chosen/0000','[{"key": "58a83d17663d", "candidate": {"key": "58a83d17663d", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.25, "width": 1.0, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 23, "params": 138170, "macs": 258064, "activations": 15932, "nominal_ratio": 1.953125, "macs_ratio": 2.4532197653858585, "full_macs": 924551760, "full_macs_ratio": 2.3963618685062618, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 598904, "training_bytes": 5590080, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.040778158421799326, "resolution_doublings": 0.6438561897747247, "repeats": [2, 3, 3, 4, 4, 5, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "4b823c0c33b6", "candidate": {"key": "4b823c0c33b6", "alpha": 1.75, "beta": 1.0, "gamma": 1.0, "product": 1.75, "merged": [[1.75, 1.0, 1.0]], "depth": 1.75, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 31, "params": 181290, "macs": 207526, "activations": 12280, "nominal_ratio": 1.75, "macs_ratio": 1.9727931250831796, "full_macs": 759056224, "full_macs_ratio": 1.9674110957789401, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 776728, "training_bytes": 5454784, "resolution_width": null, "depth_doublings": 0.9802396772653497, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 4, 4, 6, 6, 7, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(4,1,'run','{"kind": "grid", "name": "alternate-efficientnet-b0-round1", "command": "scalesearch alternate --budget macs --budget-ratio 2 --max-networks 2 --max-rounds 2 --seeds 2 --step=0.25 --tolerance=0.3 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": true, "latency_batch_size": 1, "storage": "", "phi": 1.0, "alpha_min": 1.0, "alpha_max": 2.0, "beta_min": 1.0, "beta_max": 1.5, "gamma_min": 1.0, "gamma_max": 1.5, "step": 0.25, "tolerance": 0.3, "constraint": "product", "match": "none", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "anchor": "1.2,1.1,1.15", "max_networks": 2, "rungs": [], "time_budget": 0.0, "check_recipe": false, "confirm": 0}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 45, "feasible": 6, "thinning": "2 of 6 distinct networks are trained (--max-networks 2): those nearest to the corners, the middles of the edges, the centre and the inside of the triangle of shares of depth, width and resolution, (1.2,1.1,1.15) among them where the grid holds it. The surface through them predicts the others.", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["43ac82d7ccca", "17f2cb93f98c", "58a83d17663d", "3aa60efc5985", "4b823c0c33b6", "1298e1f68eb6"], "rungs": [{"images": 96, "networks": 2, "seeds": 2}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(5,1,'stopped','"all 2 designs were trained (--seeds)"');
INSERT INTO "study_user_attributes" VALUES(6,1,'session/0000','2.808');
INSERT INTO "study_user_attributes" VALUES(7,1,'latency/58a83d17663d','{"samples_s": [0.008062492786113203, 0.008062492786113203, 0.008062492786113203, 0.008062492786113203, 0.008062492786113203], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(8,1,'latency/4b823c0c33b6','{"samples_s": [0.0024320150294908985, 0.0024320150294908985, 0.0024320150294908985, 0.0024320150294908985, 0.0024320150294908985], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
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
INSERT INTO "trial_intermediate_values" VALUES(1,2,32,6.17375106008217100495e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,48,6.94053995760133934922e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,80,7.45304707503489094477e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,96,7.57719483313099351207e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,1,32,2.48827351038479555045e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,1,48,3.13548731853763418264e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,1,80,3.53563768277184720112e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,1,96,3.62532532143663432933e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.25, "high": 1.75, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',1.75,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.25, "high": 1.75, "log": false}}');
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
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"alpha": 1.75, "beta": 1.0, "gamma": 1.0}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"58a83d17663d"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "58a83d17663d", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 1.25, "width": 1.0, "resolution_multiplier": 1.25, "resolution": 20, "blocks": 23, "params": 138170, "macs": 258064, "activations": 15932, "nominal_ratio": 1.953125, "macs_ratio": 2.4532197653858585, "full_macs": 924551760, "full_macs_ratio": 2.3963618685062618, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 598904, "training_bytes": 5590080, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.040778158421799326, "resolution_doublings": 0.6438561897747247, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 20, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"4b823c0c33b6"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "4b823c0c33b6", "alpha": 1.75, "beta": 1.0, "gamma": 1.0, "product": 1.75, "merged": [[1.75, 1.0, 1.0]], "depth": 1.75, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 31, "params": 181290, "macs": 207526, "activations": 12280, "nominal_ratio": 1.75, "macs_ratio": 1.9727931250831796, "full_macs": 759056224, "full_macs_ratio": 1.9674110957789401, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 776728, "training_bytes": 5454784, "resolution_width": null, "depth_doublings": 0.9802396772653497, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 4, 4, 6, 6, 7, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 7, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'run/0','{"top1": 0.366431897881783, "loss": 2.633568102118217, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.749934987404751, "top1": 0.2500650125952489}, {"images": 48, "train_loss": 2.0, "loss": 2.683859998452647, "top1": 0.31614000154735294}, {"images": 80, "train_loss": 2.0, "loss": 2.6423111304274767, "top1": 0.3576888695725232}, {"images": 96, "train_loss": 2.0, "loss": 2.633568102118217, "top1": 0.366431897881783}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(8,2,'run/0','{"top1": 0.7584719072735008, "loss": 2.241528092726499, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.3814477138189996, "top1": 0.6185522861810003}, {"images": 48, "train_loss": 2.0, "loss": 2.3048883907320143, "top1": 0.6951116092679857}, {"images": 80, "train_loss": 2.0, "loss": 2.250511986999756, "top1": 0.7494880130002437}, {"images": 96, "train_loss": 2.0, "loss": 2.241528092726499, "top1": 0.7584719072735008}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(9,2,'run/1','{"top1": 0.7569670593526978, "loss": 2.243032940647302, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.3838020741645662, "top1": 0.6161979258354339}, {"images": 48, "train_loss": 2.0, "loss": 2.307003617747718, "top1": 0.6929963822522821}, {"images": 80, "train_loss": 2.0, "loss": 2.2588785979932653, "top1": 0.7411214020067346}, {"images": 96, "train_loss": 2.0, "loss": 2.243032940647302, "top1": 0.7569670593526978}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/1','{"top1": 0.3586331664055439, "loss": 2.6413668335944562, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7524103105182895, "top1": 0.24758968948171023}, {"images": 48, "train_loss": 2.0, "loss": 2.689042537839826, "top1": 0.3109574621601739}, {"images": 80, "train_loss": 2.0, "loss": 2.6505613330181537, "top1": 0.3494386669818463}, {"images": 96, "train_loss": 2.0, "loss": 2.6413668335944562, "top1": 0.3586331664055439}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,2,0,7.57719483313099351207e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,0,3.62532532143663432933e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:12:33.961064','2026-11-29 07:12:35.831327');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:12:34.102811','2026-11-29 07:12:35.071894');
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
