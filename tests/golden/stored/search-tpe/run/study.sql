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
INSERT INTO "studies" VALUES(1,'search-efficientnet-b0-phi1');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 1, "folder": "/dev/shm/g3b/tmprrx1ep7g/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20732, "since": "2026-11-29 07:11:51+00:00", "started": "3908815", "token": "d5e52a2f107f4cd0"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'run','{"kind": "search", "name": "search-efficientnet-b0-phi1", "command": "scalesearch search --phi 1 --sampler tpe --trials 4 --no-latency --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 1, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": false, "latency_batch_size": 1, "storage": "", "phi": 1.0, "trials": 4, "sampler": "tpe", "objectives": ["top1"], "batch": 2, "seed_points": true, "match": "none", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "reward_target": 0.0, "reward_weight": -0.07, "pruner": "none"}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 0, "feasible": 0, "thinning": "", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": [], "rungs": [{"images": 96, "networks": 4, "seeds": 1}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(3,1,'session/0000','6.616');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,7.65588910613180240183e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,8.2241056353360342257e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,8.5023892969491632332e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,8.55448677564147552665e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,5.02263423301010925037e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,6.25868077310240633615e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,7.2995261935790456409e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,7.45317399178594630626e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,32,3.764065879893703781e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,3,48,4.82186096194975100104e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,3,80,5.827323855987818213e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,3,96,6.21755280255867903704e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,4,32,4.62377941423635585582e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,4,48,0.556698173185837,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,4,80,6.70703431570263353123e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,4,96,6.99112801159171626252e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'u',0.519214414759538,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'v',5.94549200812705680441e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(3,2,'u',0.81,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'v',1.11111111111111077187e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,3,'u',0.685554127085176,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(6,3,'v',0.525004298908714,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(7,4,'u',3.71870737066682055527e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(8,4,'v',7.78902384026470828715e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'candidate','{"key": "97bd18be81ac", "alpha": 1.2137191753128547, "beta": 1.1065563322154188, "gamma": 1.1600651052574829, "product": 2.0, "merged": [[1.2137191753128547, 1.1065563322154188, 1.1600651052574829]], "depth": 1.2137191753128547, "width": 1.1065563322154188, "resolution_multiplier": 1.1600651052574829, "resolution": 19, "blocks": 23, "params": 163190, "macs": 296751, "activations": 17100, "nominal_ratio": 2.0, "macs_ratio": 2.8209878890431015, "full_macs": 1010944384, "full_macs_ratio": 2.620284420850761, "phi": 1.0, "role": "paper", "budget": null, "inference_bytes": 701804, "training_bytes": 6225968, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.3903033137121831, "resolution_doublings": 0.495855026887171, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(2,1,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 27, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.25}], "head_channels": 177, "resolution": 19, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(4,1,'alpha','1.2137191753128547');
INSERT INTO "trial_user_attributes" VALUES(5,1,'beta','1.1065563322154188');
INSERT INTO "trial_user_attributes" VALUES(6,1,'gamma','1.1600651052574829');
INSERT INTO "trial_user_attributes" VALUES(7,1,'shares','[0.2794346561487029, 0.29215379453117596, 0.42841154932012115]');
INSERT INTO "trial_user_attributes" VALUES(8,1,'key','"97bd18be81ac"');
INSERT INTO "trial_user_attributes" VALUES(9,2,'candidate','{"key": "ea3efae03484", "alpha": 1.0717734625362931, "beta": 1.3195079107728942, "gamma": 1.0352649238413776, "product": 2.0, "merged": [[1.0717734625362931, 1.3195079107728942, 1.0352649238413776]], "depth": 1.0717734625362931, "width": 1.3195079107728942, "resolution_multiplier": 1.0352649238413776, "resolution": 17, "blocks": 23, "params": 223902, "macs": 401883, "activations": 20706, "nominal_ratio": 2.0, "macs_ratio": 3.820398501815693, "full_macs": 1162816272, "full_macs_ratio": 3.0139238221767113, "phi": 1.0, "role": "fast", "budget": null, "inference_bytes": 952744, "training_bytes": 7933040, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 1.1487553180222578, "resolution_doublings": 0.1749256825006788, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(10,2,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 7, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 18, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 32, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 53, "squeeze_ratio": 0.25}], "head_channels": 211, "resolution": 17, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(12,2,'alpha','1.0717734625362931');
INSERT INTO "trial_user_attributes" VALUES(13,2,'beta','1.3195079107728942');
INSERT INTO "trial_user_attributes" VALUES(14,2,'gamma','1.0352649238413776');
INSERT INTO "trial_user_attributes" VALUES(15,2,'shares','[0.09999999999999998, 0.8, 0.09999999999999998]');
INSERT INTO "trial_user_attributes" VALUES(16,2,'key','"ea3efae03484"');
INSERT INTO "trial_user_attributes" VALUES(17,1,'run/0','{"top1": 0.8554486775641476, "loss": 2.1445513224358526, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.23441108938682, "top1": 0.7655889106131802}, {"images": 48, "train_loss": 2.0, "loss": 2.1775894364663966, "top1": 0.8224105635336034}, {"images": 80, "train_loss": 2.0, "loss": 2.149761070305084, "top1": 0.8502389296949163}, {"images": 96, "train_loss": 2.0, "loss": 2.1445513224358526, "top1": 0.8554486775641476}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(18,2,'run/0','{"top1": 0.7453173991785946, "loss": 2.2546826008214054, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.497736576698989, "top1": 0.5022634233010109}, {"images": 48, "train_loss": 2.0, "loss": 2.3741319226897595, "top1": 0.6258680773102406}, {"images": 80, "train_loss": 2.0, "loss": 2.2700473806420955, "top1": 0.7299526193579046}, {"images": 96, "train_loss": 2.0, "loss": 2.2546826008214054, "top1": 0.7453173991785946}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(19,3,'candidate','{"key": "f4be5961d177", "alpha": 1.1266333157833717, "beta": 1.1460293052842132, "gamma": 1.1625937390921208, "product": 2.0, "merged": [[1.1266333157833717, 1.1460293052842132, 1.1625937390921208]], "depth": 1.1266333157833717, "width": 1.1460293052842132, "resolution_multiplier": 1.1625937390921208, "resolution": 19, "blocks": 23, "params": 177020, "macs": 335413, "activations": 19619, "nominal_ratio": 2.0, "macs_ratio": 3.18851835656026, "full_macs": 1199671664, "full_macs_ratio": 3.1094499569575818, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 763980, "training_bytes": 6962048, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.5669890284328679, "resolution_doublings": 0.495855026887171, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 16, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 28, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 46, "squeeze_ratio": 0.25}], "head_channels": 183, "resolution": 19, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(21,3,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(22,3,'alpha','1.1266333157833717');
INSERT INTO "trial_user_attributes" VALUES(23,3,'beta','1.1460293052842132');
INSERT INTO "trial_user_attributes" VALUES(24,3,'gamma','1.1625937390921208');
INSERT INTO "trial_user_attributes" VALUES(25,3,'shares','[0.17201803939628246, 0.3932878718679003, 0.4346940887358172]');
INSERT INTO "trial_user_attributes" VALUES(26,3,'key','"f4be5961d177"');
INSERT INTO "trial_user_attributes" VALUES(27,4,'candidate','{"key": "fc2ad720496a", "alpha": 1.3105641285646006, "beta": 1.2151688747213327, "gamma": 1.0165979333257198, "product": 1.9999999999999998, "merged": [[1.3105641285646006, 1.2151688747213327, 1.0165979333257198]], "depth": 1.3105641285646006, "width": 1.2151688747213327, "resolution_multiplier": 1.0165979333257198, "resolution": 16, "blocks": 24, "params": 210617, "macs": 244110, "activations": 12676, "nominal_ratio": 1.9999999999999998, "macs_ratio": 2.3205696142365535, "full_macs": 1054749152, "full_macs_ratio": 2.733822764765615, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 896284, "training_bytes": 6000704, "resolution_width": null, "depth_doublings": 0.71603410024895, "width_doublings": 0.49844487698654805, "resolution_doublings": 0.0, "repeats": [2, 3, 3, 4, 4, 6, 2]}');
INSERT INTO "trial_user_attributes" VALUES(28,4,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 17, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 29, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 49, "squeeze_ratio": 0.25}], "head_channels": 194, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(29,4,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(30,4,'alpha','1.3105641285646006');
INSERT INTO "trial_user_attributes" VALUES(31,4,'beta','1.2151688747213327');
INSERT INTO "trial_user_attributes" VALUES(32,4,'gamma','1.0165979333257198');
INSERT INTO "trial_user_attributes" VALUES(33,4,'shares','[0.3901879493920426, 0.5623136446052965, 0.04749840600266089]');
INSERT INTO "trial_user_attributes" VALUES(34,4,'key','"fc2ad720496a"');
INSERT INTO "trial_user_attributes" VALUES(35,3,'run/0','{"top1": 0.6217552802558679, "loss": 2.3782447197441323, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6235934120106297, "top1": 0.3764065879893704}, {"images": 48, "train_loss": 2.0, "loss": 2.517813903805025, "top1": 0.4821860961949751}, {"images": 80, "train_loss": 2.0, "loss": 2.417267614401218, "top1": 0.5827323855987818}, {"images": 96, "train_loss": 2.0, "loss": 2.3782447197441323, "top1": 0.6217552802558679}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(36,4,'run/0','{"top1": 0.6991128011591716, "loss": 2.3008871988408286, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5376220585763645, "top1": 0.4623779414236356}, {"images": 48, "train_loss": 2.0, "loss": 2.443301826814163, "top1": 0.556698173185837}, {"images": 80, "train_loss": 2.0, "loss": 2.3292965684297364, "top1": 0.6707034315702634}, {"images": 96, "train_loss": 2.0, "loss": 2.3008871988408286, "top1": 0.6991128011591716}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
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
INSERT INTO "trial_values" VALUES(1,1,0,8.55448677564147552665e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,7.45317399178594630626e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,6.21755280255867903704e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,6.99112801159171626252e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:11:52.650317','2026-11-29 07:11:55.265462');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:11:53.194552','2026-11-29 07:11:55.847123');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:11:56.055539','2026-11-29 07:11:58.235416');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-29 07:11:56.343701','2026-11-29 07:11:58.799873');
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
