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
INSERT INTO "studies" VALUES(1,'grid-efficientnet-b0-phi-1');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 0, "folder": "/dev/shm/g3b/tmpgz99zo8x/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20722, "since": "2026-11-29 07:12:30+00:00", "started": "3908810", "token": "c6baf7a2d80e7414"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'skipped/0000','[{"key": "fa46e197bb2d", "alpha": 1.0, "beta": 1.0, "gamma": 1.5, "product": 2.25, "merged": [[1.0, 1.0, 1.5]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 0.6666666666666666, "resolution": 11, "blocks": 16, "params": 88286, "macs": 96990, "activations": 5494, "nominal_ratio": 0.4444444444444444, "macs_ratio": 0.922010761070023, "full_macs": 191262368, "full_macs_ratio": 0.4957362750089971, "status": "skipped", "phi": -1.0, "role": "", "reason": "thinned out: 3 of 6 distinct networks are trained", "budget": null, "inference_bytes": 379348, "training_bytes": 2559488, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.9639922567266677, "resolution_doublings": -1.0811367627254056, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "0537ae84c6f8", "alpha": 1.25, "beta": 1.25, "gamma": 1.0, "product": 1.953125, "merged": [[1.25, 1.25, 1.0]], "depth": 0.8, "width": 0.8, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 59990, "macs": 74794, "activations": 5671, "nominal_ratio": 0.5120000000000001, "macs_ratio": 0.7110101336578132, "full_macs": 275069744, "full_macs_ratio": 0.7129580778704906, "status": "skipped", "phi": -1.0, "role": "", "reason": "thinned out: 3 of 6 distinct networks are trained", "budget": null, "inference_bytes": 266512, "training_bytes": 2167312, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.4920579729137145, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}, {"key": "16f63fbbb2b1", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[2.0, 1.0, 1.0]], "depth": 0.5, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 10, "params": 52875, "macs": 65162, "activations": 4295, "nominal_ratio": 0.5, "macs_ratio": 0.6194459760062361, "full_macs": 245162848, "full_macs_ratio": 0.635441871336221, "status": "skipped", "phi": -1.0, "role": "", "reason": "thinned out: 3 of 6 distinct networks are trained", "budget": null, "inference_bytes": 233916, "training_bytes": 1773456, "resolution_width": null, "depth_doublings": -0.6909496293842883, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 1, 1, 2, 2, 2, 1], "fvcore_total": null, "uncounted": null, "runs": [], "latency": null, "means": null}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'chosen/0000','[{"key": "8dbe39fd2e6c", "candidate": {"key": "8dbe39fd2e6c", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 0.8, "width": 1.0, "resolution_multiplier": 0.8, "resolution": 13, "blocks": 16, "params": 88286, "macs": 102554, "activations": 6284, "nominal_ratio": 0.5120000000000001, "macs_ratio": 0.9749035116071258, "full_macs": 274176880, "full_macs_ratio": 0.7106438480610509, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 381276, "training_bytes": 2732800, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.5624519079857183, "resolution_doublings": -0.5991205637178156, "repeats": [1, 2, 2, 3, 3, 4, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 13, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "e764111bd0aa", "candidate": {"key": "e764111bd0aa", "alpha": 1.75, "beta": 1.0, "gamma": 1.0, "product": 1.75, "merged": [[1.75, 1.0, 1.0]], "depth": 0.5714285714285714, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 13, "params": 67563, "macs": 86018, "activations": 5691, "nominal_ratio": 0.5714285714285714, "macs_ratio": 0.8177082343099417, "full_macs": 313864288, "full_macs_ratio": 0.8135103346177909, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 295996, "training_bytes": 2299792, "resolution_width": null, "depth_doublings": -0.2903419265379905, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 2, 2, 3, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "c21567e0f15f", "candidate": {"key": "c21567e0f15f", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 0.6666666666666666, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 45709, "macs": 57642, "activations": 4789, "nominal_ratio": 0.4444444444444444, "macs_ratio": 0.5479590090689583, "full_macs": 195251152, "full_macs_ratio": 0.5060748739851192, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 206580, "training_bytes": 1757520, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.8678601207249425, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 3, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 7, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 9, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 16, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 27, "squeeze_ratio": 0.25}], "head_channels": 107, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(4,1,'run','{"kind": "grid", "name": "grid-efficientnet-b0-phi-1", "command": "scalesearch grid --phi -1 --rungs 3:0.5,1:1 --match none --step=0.25 --tolerance=0.3 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": -1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": true, "latency_batch_size": 1, "storage": "", "phi": -1.0, "alpha_min": 1.0, "alpha_max": 2.0, "beta_min": 1.0, "beta_max": 1.5, "gamma_min": 1.0, "gamma_max": 1.5, "step": 0.25, "tolerance": 0.3, "constraint": "product", "match": "none", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "anchor": "1.2,1.1,1.15", "max_networks": 0, "rungs": ["3:0.5", "1:1"], "time_budget": 0.0, "check_recipe": false, "confirm": 0}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 45, "feasible": 6, "thinning": "3 of 6 distinct networks are trained (the first of the rungs 3:0.5, 1:1): those nearest to the corners, the middles of the edges, the centre and the inside of the triangle of shares of depth, width and resolution, (1.2,1.1,1.15) among them where the grid holds it. The surface through them predicts the others.", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["fa46e197bb2d", "c21567e0f15f", "8dbe39fd2e6c", "0537ae84c6f8", "e764111bd0aa", "16f63fbbb2b1"], "rungs": [{"images": 48, "networks": 3, "seeds": 1}, {"images": 96, "networks": 1, "seeds": 2}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(5,1,'session/0000','2.198');
INSERT INTO "study_user_attributes" VALUES(6,1,'latency/c21567e0f15f','{"samples_s": [0.006285356398113308, 0.006285356398113308, 0.006285356398113308, 0.006285356398113308, 0.006285356398113308], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,48,2.80364402783550570319e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,48,3.00624996151806489486e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,3,48,5.67695351652019231103e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,3,32,4.44332541789231094675e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,3,80,7.3164291407722459315e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,3,96,7.7361004674831179706e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.75, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',1.75,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.75, "log": false}}');
INSERT INTO "trial_params" VALUES(5,2,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.5, "log": false}}');
INSERT INTO "trial_params" VALUES(6,2,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.25, "log": false}}');
INSERT INTO "trial_params" VALUES(7,3,'alpha',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.75, "log": false}}');
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
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"alpha": 1.75, "beta": 1.0, "gamma": 1.0}');
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
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"8dbe39fd2e6c"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "8dbe39fd2e6c", "alpha": 1.25, "beta": 1.0, "gamma": 1.25, "product": 1.953125, "merged": [[1.25, 1.0, 1.25]], "depth": 0.8, "width": 1.0, "resolution_multiplier": 0.8, "resolution": 13, "blocks": 16, "params": 88286, "macs": 102554, "activations": 6284, "nominal_ratio": 0.5120000000000001, "macs_ratio": 0.9749035116071258, "full_macs": 274176880, "full_macs_ratio": 0.7106438480610509, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 381276, "training_bytes": 2732800, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.5624519079857183, "resolution_doublings": -0.5991205637178156, "repeats": [1, 2, 2, 3, 3, 4, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 13, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"e764111bd0aa"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "e764111bd0aa", "alpha": 1.75, "beta": 1.0, "gamma": 1.0, "product": 1.75, "merged": [[1.75, 1.0, 1.0]], "depth": 0.5714285714285714, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 13, "params": 67563, "macs": 86018, "activations": 5691, "nominal_ratio": 0.5714285714285714, "macs_ratio": 0.8177082343099417, "full_macs": 313864288, "full_macs_ratio": 0.8135103346177909, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 295996, "training_bytes": 2299792, "resolution_width": null, "depth_doublings": -0.2903419265379905, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 2, 2, 3, 1]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,3,'key','"c21567e0f15f"');
INSERT INTO "trial_user_attributes" VALUES(8,3,'candidate','{"key": "c21567e0f15f", "alpha": 1.0, "beta": 1.5, "gamma": 1.0, "product": 2.25, "merged": [[1.0, 1.5, 1.0]], "depth": 1.0, "width": 0.6666666666666666, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 45709, "macs": 57642, "activations": 4789, "nominal_ratio": 0.4444444444444444, "macs_ratio": 0.5479590090689583, "full_macs": 195251152, "full_macs_ratio": 0.5060748739851192, "phi": -1.0, "role": "", "budget": null, "inference_bytes": 206580, "training_bytes": 1757520, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.8678601207249425, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'arch','{"name": "efficientnet-b0", "stem_channels": 3, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 7, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 9, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 16, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 27, "squeeze_ratio": 0.25}], "head_channels": 107, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/0','{"top1": 0.28036440278355057, "loss": 2.7196355972164494, "held_out_images": 900, "train_seconds": 0.48, "images_seen": 48, "complete": false, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7722574702419887, "top1": 0.2277425297580115}, {"images": 48, "train_loss": 2.0, "loss": 2.7196355972164494, "top1": 0.28036440278355057}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'run/0','{"top1": 0.3006249961518065, "loss": 2.6993750038481936, "held_out_images": 900, "train_seconds": 0.48, "images_seen": 48, "complete": false, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7354118571908725, "top1": 0.2645881428091276}, {"images": 48, "train_loss": 2.0, "loss": 2.6993750038481936, "top1": 0.3006249961518065}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(12,3,'run/0','{"top1": 0.7826524548528805, "loss": 2.2173475451471196, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5521351087571054, "top1": 0.44786489124289447}, {"images": 48, "train_loss": 2.0, "loss": 2.432304648347981, "top1": 0.5676953516520192}, {"images": 80, "train_loss": 2.0, "loss": 2.2642374792515607, "top1": 0.7357625207484395}, {"images": 96, "train_loss": 2.0, "loss": 2.2173475451471196, "top1": 0.7826524548528805}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(13,3,'run/1','{"top1": 0.7645676386437432, "loss": 2.235432361356257, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5591998076644322, "top1": 0.4408001923355678}, {"images": 48, "train_loss": 2.0, "loss": 2.4216805310271052, "top1": 0.578319468972895}, {"images": 80, "train_loss": 2.0, "loss": 2.2724766925939903, "top1": 0.7275233074060097}, {"images": 96, "train_loss": 2.0, "loss": 2.235432361356257, "top1": 0.7645676386437432}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,1,0,2.80364402783550570319e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,3.00624996151806489486e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,7.7361004674831179706e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'PRUNED','2026-11-29 07:12:31.375557','2026-11-29 07:12:32.430734');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-11-29 07:12:31.618168','2026-11-29 07:12:32.519194');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:12:31.756491','2026-11-29 07:12:33.002786');
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
