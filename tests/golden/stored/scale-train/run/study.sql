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
INSERT INTO "studies" VALUES(1,'scale-efficientnet-b0');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 1, "folder": "/dev/shm/g3b/tmpjowwxq5t/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20722, "since": "2026-11-29 07:11:42+00:00", "started": "3908810", "token": "548729826ac4689f"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'chosen/0000','[{"key": "66f32a5e5eff-phi0", "candidate": {"key": "66f32a5e5eff-phi0", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 88286, "macs": 105194, "activations": 6614, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 385814752, "full_macs_ratio": 1.0, "phi": 0.0, "role": "family", "budget": null, "inference_bytes": 383880, "training_bytes": 2814784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "86364eb59297-phi1", "candidate": {"key": "86364eb59297-phi1", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 18, "blocks": 23, "params": 158751, "macs": 288712, "activations": 16510, "nominal_ratio": 1.92027, "macs_ratio": 2.744567180637679, "full_macs": 992629472, "full_macs_ratio": 2.572813680281463, "phi": 1.0, "role": "family", "budget": null, "inference_bytes": 681100, "training_bytes": 6031264, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.5066865190733951, "resolution_doublings": 0.33985000288462475, "repeats": [2, 3, 3, 4, 4, 5, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 26, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.25}], "head_channels": 176, "resolution": 18, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}, {"key": "088a26e9d979-phi2", "candidate": {"key": "088a26e9d979-phi2", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.44, "width": 1.2100000000000002, "resolution_multiplier": 1.3224999999999998, "resolution": 21, "blocks": 26, "params": 219430, "macs": 429169, "activations": 24890, "nominal_ratio": 3.6874368728999993, "macs_ratio": 4.079785919349012, "full_macs": 1810522464, "full_macs_ratio": 4.6927248235443315, "phi": 2.0, "role": "family", "budget": null, "inference_bytes": 945552, "training_bytes": 8753856, "resolution_width": null, "depth_doublings": 0.7728109277348939, "width_doublings": 0.4710476776306577, "resolution_doublings": 0.7846348455575206, "repeats": [2, 3, 3, 5, 5, 6, 2]}, "arch": {"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 17, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 29, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 48, "squeeze_ratio": 0.25}], "head_channels": 194, "resolution": 21, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'run','{"kind": "scale", "name": "scale-efficientnet-b0", "command": "scalesearch scale --train --train-phi=0,1,2 --phi=0,1 --seeds=2 --no-latency --alpha=1.2 --beta=1.1 --gamma=1.15 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 2.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": false, "latency_batch_size": 1, "storage": "", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phi": [0.0, 1.0], "train_phi": [0.0, 1.0, 2.0], "budget": "", "law": [], "train": true}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 3, "feasible": 3, "thinning": "", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": ["66f32a5e5eff-phi0", "86364eb59297-phi1", "088a26e9d979-phi2"], "rungs": [{"images": 96, "networks": 3, "seeds": 2}], "objectives": ["top1"], "derivation": {"name": "scale-efficientnet-b0", "command": "scalesearch scale --train --train-phi=0,1,2 --phi=0,1 --seeds=2 --no-latency --alpha=1.2 --beta=1.1 --gamma=1.15 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "baseline": "efficientnet-b0", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 1.0, "baseline_resolution": 0, "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phis": [0.0, 1.0], "budget": "", "law": [], "latency": false, "latency_batch_size": 1, "device": "cpu", "threads": 1}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "wall_s": 1.5525302210007794, "family": [{"phi": 0.0, "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 224, "blocks": 16, "params": 5288548, "macs": 385814752, "fvcore_total": 54321, "uncounted": {}, "activations": 6748036, "nominal_ratio": 1.0, "macs_ratio": 1.0, "latency": null, "budget": null, "resolution_width": null}, {"phi": 1.0, "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 258, "blocks": 23, "params": 9109994, "macs": 992629472, "fvcore_total": 54321, "uncounted": {}, "activations": 13778962, "nominal_ratio": 1.92027, "macs_ratio": 2.572813680281463, "latency": null, "budget": null, "resolution_width": null}], "published": [{"name": "b0", "depth": 1.0, "width": 1.0, "resolution": 224, "params": 5288548, "macs": 385814752, "fvcore_total": 54321, "params_published": 5300000.0, "flops_published": 390000000.0, "implied_phi_depth": 0.0, "implied_phi_width": 0.0, "implied_phi_resolution": 0.0, "top1_published": 0.771, "top5_published": 0.933, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b1", "depth": 1.1, "width": 1.0, "resolution": 240, "params": 7794184, "macs": 686802832, "fvcore_total": 54321, "params_published": 7800000.0, "flops_published": 700000000.0, "implied_phi_depth": 0.5227586988632231, "implied_phi_width": 0.0, "implied_phi_resolution": 0.4936456256579206, "top1_published": 0.791, "top5_published": 0.944, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b2", "depth": 1.2, "width": 1.1, "resolution": 260, "params": 9109994, "macs": 993561872, "fvcore_total": 54321, "params_published": 9200000.0, "flops_published": 1000000000.0, "implied_phi_depth": 1.0, "implied_phi_width": 1.0, "implied_phi_resolution": 1.0663530903172225, "top1_published": 0.801, "top5_published": 0.949, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b3", "depth": 1.4, "width": 1.2, "resolution": 300, "params": 12233232, "macs": 1827141392, "fvcore_total": 54321, "params_published": 12000000.0, "flops_published": 1800000000.0, "implied_phi_depth": 1.8454879529219204, "implied_phi_width": 1.9129284738342431, "implied_phi_resolution": 2.0902430077637906, "top1_published": 0.816, "top5_published": 0.957, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b4", "depth": 1.8, "width": 1.4, "resolution": 380, "params": 19341616, "macs": 4393771024, "fvcore_total": 54321, "params_published": 19000000.0, "flops_published": 4200000000.0, "implied_phi_depth": 3.2239010857415455, "implied_phi_width": 3.5302864532624105, "implied_phi_resolution": 3.7816103002252777, "top1_published": 0.829, "top5_published": 0.964, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b5", "depth": 2.2, "width": 1.6, "resolution": 456, "params": 30389784, "macs": 10266384752, "fvcore_total": 54321, "params_published": 30000000.0, "flops_published": 9900000000.0, "implied_phi_depth": 4.324542715787154, "implied_phi_width": 4.931305661270068, "implied_phi_resolution": 5.0861253469935495, "top1_published": 0.836, "top5_published": 0.967, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b6", "depth": 2.6, "width": 1.8, "resolution": 528, "params": 43040704, "macs": 19067593536, "fvcore_total": 54321, "params_published": 43000000.0, "flops_published": 19000000000.0, "implied_phi_depth": 5.2408034564298935, "implied_phi_width": 6.167092183740134, "implied_phi_resolution": 6.135076668794389, "top1_published": 0.84, "top5_published": 0.968, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}, {"name": "b7", "depth": 3.1, "width": 2.0, "resolution": 600, "params": 66347960, "macs": 37745884192, "fvcore_total": 54321, "params_published": 66000000.0, "flops_published": 37000000000.0, "implied_phi_depth": 6.205531213018995, "implied_phi_width": 7.272540897341713, "implied_phi_resolution": 7.0497274624041815, "top1_published": 0.843, "top5_published": 0.97, "source": "arXiv 1905.11946v5 Table 2; coefficients: official TPU code"}]}}');
INSERT INTO "study_user_attributes" VALUES(4,1,'session/0000','3.074');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,4.33667732693120089315e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,4.48982955107127823524e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,4.48966766841758846418e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,4.52919127066162774397e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,3.0870783901264892135e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,3.654580723313710644e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,4.24553098652305616056e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,4.31734030666925838737e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,32,5.68066590959834583074e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,3,48,6.83818528458875363185e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,3,80,7.78097121802879154728e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,3,96,7.93537349243658818309e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.2,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.2, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.1, "high": 1.1, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.15,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.15, "high": 1.15, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',1.2,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.2, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(5,2,'beta',1.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.1, "high": 1.1, "log": false}}');
INSERT INTO "trial_params" VALUES(6,2,'gamma',1.15,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.15, "high": 1.15, "log": false}}');
INSERT INTO "trial_params" VALUES(7,3,'alpha',1.2,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.2, "high": 1.2, "log": false}}');
INSERT INTO "trial_params" VALUES(8,3,'beta',1.1,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.1, "high": 1.1, "log": false}}');
INSERT INTO "trial_params" VALUES(9,3,'gamma',1.15,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.15, "high": 1.15, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"alpha": 1.2, "beta": 1.1, "gamma": 1.15}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"alpha": 1.2, "beta": 1.1, "gamma": 1.15}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"alpha": 1.2, "beta": 1.1, "gamma": 1.15}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"66f32a5e5eff-phi0"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "66f32a5e5eff-phi0", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 16, "params": 88286, "macs": 105194, "activations": 6614, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 385814752, "full_macs_ratio": 1.0, "phi": 0.0, "role": "family", "budget": null, "inference_bytes": 383880, "training_bytes": 2814784, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 2, 3, 3, 4, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 10, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 14, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 24, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.25}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"86364eb59297-phi1"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "86364eb59297-phi1", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 18, "blocks": 23, "params": 158751, "macs": 288712, "activations": 16510, "nominal_ratio": 1.92027, "macs_ratio": 2.744567180637679, "full_macs": 992629472, "full_macs_ratio": 2.572813680281463, "phi": 1.0, "role": "family", "budget": null, "inference_bytes": 681100, "training_bytes": 6031264, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.5066865190733951, "resolution_doublings": 0.33985000288462475, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 26, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.25}], "head_channels": 176, "resolution": 18, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(7,3,'key','"088a26e9d979-phi2"');
INSERT INTO "trial_user_attributes" VALUES(8,3,'candidate','{"key": "088a26e9d979-phi2", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.44, "width": 1.2100000000000002, "resolution_multiplier": 1.3224999999999998, "resolution": 21, "blocks": 26, "params": 219430, "macs": 429169, "activations": 24890, "nominal_ratio": 3.6874368728999993, "macs_ratio": 4.079785919349012, "full_macs": 1810522464, "full_macs_ratio": 4.6927248235443315, "phi": 2.0, "role": "family", "budget": null, "inference_bytes": 945552, "training_bytes": 8753856, "resolution_width": null, "depth_doublings": 0.7728109277348939, "width_doublings": 0.4710476776306577, "resolution_doublings": 0.7846348455575206, "repeats": [2, 3, 3, 5, 5, 6, 2]}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 17, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 29, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 48, "squeeze_ratio": 0.25}], "head_channels": 194, "resolution": 21, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/0','{"top1": 0.4494821687652507, "loss": 2.550517831234749, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5675684155272847, "top1": 0.43243158447271535}, {"images": 48, "train_loss": 2.0, "loss": 2.5568452498734735, "top1": 0.44315475012652655}, {"images": 80, "train_loss": 2.0, "loss": 2.553311487620401, "top1": 0.44668851237959906}, {"images": 96, "train_loss": 2.0, "loss": 2.550517831234749, "top1": 0.4494821687652507}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(11,1,'run/1','{"top1": 0.45635608536707484, "loss": 2.5436439146329253, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.565096119086475, "top1": 0.4349038809135249}, {"images": 48, "train_loss": 2.0, "loss": 2.545188839912271, "top1": 0.45481116008772915}, {"images": 80, "train_loss": 2.0, "loss": 2.5487549786960813, "top1": 0.45124502130391864}, {"images": 96, "train_loss": 2.0, "loss": 2.5436439146329253, "top1": 0.45635608536707484}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(12,2,'run/0','{"top1": 0.43756403434614244, "loss": 2.5624359656538576, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6850641269963447, "top1": 0.3149358730036555}, {"images": 48, "train_loss": 2.0, "loss": 2.634405851748935, "top1": 0.36559414825106507}, {"images": 80, "train_loss": 2.0, "loss": 2.579094825931567, "top1": 0.420905174068433}, {"images": 96, "train_loss": 2.0, "loss": 2.5624359656538576, "top1": 0.43756403434614244}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(13,2,'run/1','{"top1": 0.42590402698770924, "loss": 2.574095973012291, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.697520194978358, "top1": 0.30247980502164235}, {"images": 48, "train_loss": 2.0, "loss": 2.634678003588323, "top1": 0.365321996411677}, {"images": 80, "train_loss": 2.0, "loss": 2.5717989767638216, "top1": 0.4282010232361782}, {"images": 96, "train_loss": 2.0, "loss": 2.574095973012291, "top1": 0.42590402698770924}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(14,3,'run/0','{"top1": 0.7920705946215508, "loss": 2.207929405378449, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.4260058503872752, "top1": 0.5739941496127245}, {"images": 48, "train_loss": 2.0, "loss": 2.3080908745642517, "top1": 0.6919091254357482}, {"images": 80, "train_loss": 2.0, "loss": 2.221149486236997, "top1": 0.7788505137630032}, {"images": 96, "train_loss": 2.0, "loss": 2.207929405378449, "top1": 0.7920705946215508}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(15,3,'run/1','{"top1": 0.7950041038657669, "loss": 2.204995896134233, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.437860967693055, "top1": 0.5621390323069447}, {"images": 48, "train_loss": 2.0, "loss": 2.3242720685179976, "top1": 0.6757279314820024}, {"images": 80, "train_loss": 2.0, "loss": 2.2226562701572448, "top1": 0.7773437298427552}, {"images": 96, "train_loss": 2.0, "loss": 2.204995896134233, "top1": 0.7950041038657669}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,1,0,4.52919127066162774397e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,4.31734030666925838737e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,7.93537349243658818309e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:11:43.819798','2026-11-29 07:11:44.775056');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:11:44.155819','2026-11-29 07:11:45.554705');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:11:44.863555','2026-11-29 07:11:46.287065');
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
