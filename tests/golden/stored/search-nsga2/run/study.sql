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
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',1,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 2, "folder": "/dev/shm/g3b/tmp3kzegy5_/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20732, "since": "2026-11-29 07:12:09+00:00", "started": "3908815", "token": "1365ebc7c495e659"}');
INSERT INTO "study_system_attributes" VALUES(2,1,'NSGAIISampler:parent:1','[1, 4, 2, 3]');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'run','{"kind": "search", "name": "search-efficientnet-b0-phi1", "command": "scalesearch search --objectives top1,macs --sampler nsga2 --trials 6 --seeds 2 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "efficientnet-b0", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": true, "latency_batch_size": 1, "storage": "", "phi": 1.0, "trials": 6, "sampler": "nsga2", "objectives": ["top1", "macs"], "batch": 2, "seed_points": true, "match": "none", "match_by": "auto", "budget": "", "law": [], "budget_tolerance": 0.05, "reward_target": 0.0, "reward_weight": -0.07, "pruner": "none"}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 0, "feasible": 0, "thinning": "", "classes": 3, "baseline": {"params": 88286, "macs": 105194, "resolution": 16, "blocks": 16, "full_macs": 385814752}, "order": [], "rungs": [{"images": 96, "networks": 6, "seeds": 2}], "objectives": ["top1", "macs"]}');
INSERT INTO "study_user_attributes" VALUES(3,1,'session/0000','8.622');
INSERT INTO "study_user_attributes" VALUES(4,1,'latency/97bd18be81ac','{"samples_s": [0.00551645033169033, 0.00551645033169033, 0.00551645033169033, 0.00551645033169033, 0.00551645033169033], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(5,1,'latency/ea3efae03484','{"samples_s": [0.003053148363854227, 0.003053148363854227, 0.003053148363854227, 0.003053148363854227, 0.003053148363854227], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(6,1,'latency/f4be5961d177','{"samples_s": [0.0010911154556230542, 0.0010911154556230542, 0.0010911154556230542, 0.0010911154556230542, 0.0010911154556230542], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(7,1,'latency/fc2ad720496a','{"samples_s": [0.0027628651569450327, 0.0027628651569450327, 0.0027628651569450327, 0.0027628651569450327, 0.0027628651569450327], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(8,1,'latency/211ad5449ebf','{"samples_s": [0.004788555193324506, 0.004788555193324506, 0.004788555193324506, 0.004788555193324506, 0.004788555193324506], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
INSERT INTO "study_user_attributes" VALUES(9,1,'latency/1d251fd77dee','{"samples_s": [0.009567425419128157, 0.009567425419128157, 0.009567425419128157, 0.009567425419128157, 0.009567425419128157], "batch_size": 1, "threads": 1, "dtype": "float32", "device": "cpu"}');
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
INSERT INTO "trial_params" VALUES(9,5,'u',4.14176711320519364001e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(10,5,'v',5.9340843939018739217e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(11,6,'u',0.673100479523498,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(12,6,'v',0.525004298908714,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(2,2,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(3,3,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(4,4,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(5,5,'NSGAIISampler:generation','1');
INSERT INTO "trial_system_attributes" VALUES(6,6,'NSGAIISampler:generation','1');
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
INSERT INTO "trial_user_attributes" VALUES(18,1,'run/1','{"top1": 0.8534877148645917, "loss": 2.146512285135408, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.245577173686851, "top1": 0.754422826313149}, {"images": 48, "train_loss": 2.0, "loss": 2.184646958852299, "top1": 0.8153530411477009}, {"images": 80, "train_loss": 2.0, "loss": 2.1405306636962305, "top1": 0.8594693363037693}, {"images": 96, "train_loss": 2.0, "loss": 2.146512285135408, "top1": 0.8534877148645917}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(19,2,'run/0','{"top1": 0.7453173991785946, "loss": 2.2546826008214054, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.497736576698989, "top1": 0.5022634233010109}, {"images": 48, "train_loss": 2.0, "loss": 2.3741319226897595, "top1": 0.6258680773102406}, {"images": 80, "train_loss": 2.0, "loss": 2.2700473806420955, "top1": 0.7299526193579046}, {"images": 96, "train_loss": 2.0, "loss": 2.2546826008214054, "top1": 0.7453173991785946}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(20,2,'run/1','{"top1": 0.7511171561789712, "loss": 2.2488828438210287, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.491776616959071, "top1": 0.5082233830409291}, {"images": 48, "train_loss": 2.0, "loss": 2.376111993627098, "top1": 0.6238880063729021}, {"images": 80, "train_loss": 2.0, "loss": 2.2769549297833613, "top1": 0.7230450702166384}, {"images": 96, "train_loss": 2.0, "loss": 2.2488828438210287, "top1": 0.7511171561789712}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(21,3,'candidate','{"key": "f4be5961d177", "alpha": 1.1266333157833717, "beta": 1.1460293052842132, "gamma": 1.1625937390921208, "product": 2.0, "merged": [[1.1266333157833717, 1.1460293052842132, 1.1625937390921208]], "depth": 1.1266333157833717, "width": 1.1460293052842132, "resolution_multiplier": 1.1625937390921208, "resolution": 19, "blocks": 23, "params": 177020, "macs": 335413, "activations": 19619, "nominal_ratio": 2.0, "macs_ratio": 3.18851835656026, "full_macs": 1199671664, "full_macs_ratio": 3.1094499569575818, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 763980, "training_bytes": 6962048, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.5669890284328679, "resolution_doublings": 0.495855026887171, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(22,3,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 16, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 28, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 46, "squeeze_ratio": 0.25}], "head_channels": 183, "resolution": 19, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(23,3,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(24,3,'alpha','1.1266333157833717');
INSERT INTO "trial_user_attributes" VALUES(25,3,'beta','1.1460293052842132');
INSERT INTO "trial_user_attributes" VALUES(26,3,'gamma','1.1625937390921208');
INSERT INTO "trial_user_attributes" VALUES(27,3,'shares','[0.17201803939628246, 0.3932878718679003, 0.4346940887358172]');
INSERT INTO "trial_user_attributes" VALUES(28,3,'key','"f4be5961d177"');
INSERT INTO "trial_user_attributes" VALUES(29,4,'candidate','{"key": "fc2ad720496a", "alpha": 1.3105641285646006, "beta": 1.2151688747213327, "gamma": 1.0165979333257198, "product": 1.9999999999999998, "merged": [[1.3105641285646006, 1.2151688747213327, 1.0165979333257198]], "depth": 1.3105641285646006, "width": 1.2151688747213327, "resolution_multiplier": 1.0165979333257198, "resolution": 16, "blocks": 24, "params": 210617, "macs": 244110, "activations": 12676, "nominal_ratio": 1.9999999999999998, "macs_ratio": 2.3205696142365535, "full_macs": 1054749152, "full_macs_ratio": 2.733822764765615, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 896284, "training_bytes": 6000704, "resolution_width": null, "depth_doublings": 0.71603410024895, "width_doublings": 0.49844487698654805, "resolution_doublings": 0.0, "repeats": [2, 3, 3, 4, 4, 6, 2]}');
INSERT INTO "trial_user_attributes" VALUES(30,4,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 17, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 29, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 49, "squeeze_ratio": 0.25}], "head_channels": 194, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(31,4,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(32,4,'alpha','1.3105641285646006');
INSERT INTO "trial_user_attributes" VALUES(33,4,'beta','1.2151688747213327');
INSERT INTO "trial_user_attributes" VALUES(34,4,'gamma','1.0165979333257198');
INSERT INTO "trial_user_attributes" VALUES(35,4,'shares','[0.3901879493920426, 0.5623136446052965, 0.04749840600266089]');
INSERT INTO "trial_user_attributes" VALUES(36,4,'key','"fc2ad720496a"');
INSERT INTO "trial_user_attributes" VALUES(37,3,'run/1','{"top1": 0.6221818591197733, "loss": 2.3778181408802266, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6298448480770578, "top1": 0.37015515192294207}, {"images": 48, "train_loss": 2.0, "loss": 2.5271708901442302, "top1": 0.47282910985576987}, {"images": 80, "train_loss": 2.0, "loss": 2.408116947272548, "top1": 0.5918830527274521}, {"images": 96, "train_loss": 2.0, "loss": 2.3778181408802266, "top1": 0.6221818591197733}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(38,3,'run/0','{"top1": 0.6217552802558679, "loss": 2.3782447197441323, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6235934120106297, "top1": 0.3764065879893704}, {"images": 48, "train_loss": 2.0, "loss": 2.517813903805025, "top1": 0.4821860961949751}, {"images": 80, "train_loss": 2.0, "loss": 2.417267614401218, "top1": 0.5827323855987818}, {"images": 96, "train_loss": 2.0, "loss": 2.3782447197441323, "top1": 0.6217552802558679}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(39,4,'run/1','{"top1": 0.7104353048875027, "loss": 2.2895646951124973, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5455060950479265, "top1": 0.45449390495207354}, {"images": 48, "train_loss": 2.0, "loss": 2.4323513824297396, "top1": 0.5676486175702604}, {"images": 80, "train_loss": 2.0, "loss": 2.316064707949038, "top1": 0.6839352920509622}, {"images": 96, "train_loss": 2.0, "loss": 2.2895646951124973, "top1": 0.7104353048875027}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(40,4,'run/0','{"top1": 0.6991128011591716, "loss": 2.3008871988408286, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5376220585763645, "top1": 0.4623779414236356}, {"images": 48, "train_loss": 2.0, "loss": 2.443301826814163, "top1": 0.556698173185837}, {"images": 80, "train_loss": 2.0, "loss": 2.3292965684297364, "top1": 0.6707034315702634}, {"images": 96, "train_loss": 2.0, "loss": 2.3008871988408286, "top1": 0.6991128011591716}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(41,5,'candidate','{"key": "211ad5449ebf", "alpha": 1.2802578249079273, "beta": 1.0949266118661536, "gamma": 1.1415140653276452, "product": 1.9999999999999998, "merged": [[1.2802578249079273, 1.0949266118661536, 1.1415140653276452]], "depth": 1.2802578249079273, "width": 1.0949266118661536, "resolution_multiplier": 1.1415140653276452, "resolution": 18, "blocks": 24, "params": 172524, "macs": 296201, "activations": 16670, "nominal_ratio": 1.9999999999999998, "macs_ratio": 2.8157594539612525, "full_macs": 868556480, "full_macs_ratio": 2.2512267234405803, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 738576, "training_bytes": 6279376, "resolution_width": null, "depth_doublings": 0.71603410024895, "width_doublings": 0.4376399888671675, "resolution_doublings": 0.33985000288462475, "repeats": [2, 3, 3, 4, 4, 6, 2]}');
INSERT INTO "trial_user_attributes" VALUES(42,5,'arch','{"name": "efficientnet-b0", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 15, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 6, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 26, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.25}], "head_channels": 175, "resolution": 18, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(43,5,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(44,5,'alpha','1.2802578249079273');
INSERT INTO "trial_user_attributes" VALUES(45,5,'beta','1.0949266118661536');
INSERT INTO "trial_user_attributes" VALUES(46,5,'gamma','1.1415140653276452');
INSERT INTO "trial_user_attributes" VALUES(47,5,'shares','[0.35643437683440593, 0.26166835107772546, 0.3818972720878686]');
INSERT INTO "trial_user_attributes" VALUES(48,5,'key','"211ad5449ebf"');
INSERT INTO "trial_user_attributes" VALUES(49,6,'candidate','{"key": "1d251fd77dee", "alpha": 1.1325486226845467, "beta": 1.1446048709588688, "gamma": 1.1609966856812934, "product": 1.9999999999999996, "merged": [[1.1325486226845467, 1.1446048709588688, 1.1609966856812934]], "depth": 1.1325486226845467, "width": 1.1446048709588688, "resolution_multiplier": 1.1609966856812934, "resolution": 19, "blocks": 23, "params": 170819, "macs": 329377, "activations": 19519, "nominal_ratio": 1.9999999999999996, "macs_ratio": 3.1311386580983704, "full_macs": 1181870144, "full_macs_ratio": 3.0633098860875076, "phi": 1.0, "role": "", "budget": null, "inference_bytes": 738656, "training_bytes": 6843232, "resolution_width": null, "depth_doublings": 0.6100421316144657, "width_doublings": 0.5407902391226808, "resolution_doublings": 0.495855026887171, "repeats": [2, 3, 3, 4, 4, 5, 2]}');
INSERT INTO "trial_user_attributes" VALUES(50,6,'arch','{"name": "efficientnet-b0", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 3, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 11, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 4, "kernel_size": 5, "stride": 1, "expand_ratio": 6, "channels": 16, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 5, "kernel_size": 5, "stride": 2, "expand_ratio": 6, "channels": 27, "squeeze_ratio": 0.25}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 46, "squeeze_ratio": 0.25}], "head_channels": 183, "resolution": 19, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.2, "norm_eps": 0.001, "norm_momentum": 0.01}');
INSERT INTO "trial_user_attributes" VALUES(51,6,'refused','""');
INSERT INTO "trial_user_attributes" VALUES(52,6,'alpha','1.1325486226845467');
INSERT INTO "trial_user_attributes" VALUES(53,6,'beta','1.1446048709588688');
INSERT INTO "trial_user_attributes" VALUES(54,6,'gamma','1.1609966856812934');
INSERT INTO "trial_user_attributes" VALUES(55,6,'shares','[0.17957298952100675, 0.3896993030366972, 0.43072770744229605]');
INSERT INTO "trial_user_attributes" VALUES(56,6,'key','"1d251fd77dee"');
INSERT INTO "trial_user_attributes" VALUES(57,5,'run/1','{"top1": 0.7144978230116472, "loss": 2.285502176988353, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.5923688100895905, "top1": 0.4076311899104093}, {"images": 48, "train_loss": 2.0, "loss": 2.4786706525566577, "top1": 0.5213293474433423}, {"images": 80, "train_loss": 2.0, "loss": 2.334951244276076, "top1": 0.665048755723924}, {"images": 96, "train_loss": 2.0, "loss": 2.285502176988353, "top1": 0.7144978230116472}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(58,5,'run/0','{"top1": 0.7020031352777778, "loss": 2.297996864722222, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6059656870402046, "top1": 0.39403431295979563}, {"images": 48, "train_loss": 2.0, "loss": 2.477835872488202, "top1": 0.522164127511798}, {"images": 80, "train_loss": 2.0, "loss": 2.341371746194433, "top1": 0.658628253805567}, {"images": 96, "train_loss": 2.0, "loss": 2.297996864722222, "top1": 0.7020031352777778}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(59,6,'run/0','{"top1": 0.3589724605369953, "loss": 2.6410275394630047, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7605425168491515, "top1": 0.23945748315084833}, {"images": 48, "train_loss": 2.0, "loss": 2.71064779279036, "top1": 0.2893522072096402}, {"images": 80, "train_loss": 2.0, "loss": 2.6531277595928473, "top1": 0.3468722404071526}, {"images": 96, "train_loss": 2.0, "loss": 2.6410275394630047, "top1": 0.3589724605369953}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(60,6,'run/1','{"top1": 0.3638990131309638, "loss": 2.636100986869036, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.766334567554986, "top1": 0.23366543244501398}, {"images": 48, "train_loss": 2.0, "loss": 2.7068842256466286, "top1": 0.29311577435337155}, {"images": 80, "train_loss": 2.0, "loss": 2.641366148096932, "top1": 0.35863385190306774}, {"images": 96, "train_loss": 2.0, "loss": 2.636100986869036, "top1": 0.3638990131309638}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,1,0,8.54468196214369646313e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,1,1,296751.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,2,0,0.748217277678783,'FINITE');
INSERT INTO "trial_values" VALUES(4,2,1,401883.0,'FINITE');
INSERT INTO "trial_values" VALUES(5,3,0,6.21968569687820549418e-01,'FINITE');
INSERT INTO "trial_values" VALUES(6,3,1,335413.0,'FINITE');
INSERT INTO "trial_values" VALUES(7,4,0,7.04774053023337176959e-01,'FINITE');
INSERT INTO "trial_values" VALUES(8,4,1,244110.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,5,0,7.08250479144712508094e-01,'FINITE');
INSERT INTO "trial_values" VALUES(10,5,1,296201.0,'FINITE');
INSERT INTO "trial_values" VALUES(11,6,0,3.61435736833979559534e-01,'FINITE');
INSERT INTO "trial_values" VALUES(12,6,1,329377.0,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:12:09.902947','2026-11-29 07:12:12.258649');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:12:10.569017','2026-11-29 07:12:12.559881');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:12:12.766467','2026-11-29 07:12:14.880337');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-29 07:12:13.034571','2026-11-29 07:12:15.105851');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE','2026-11-29 07:12:15.293144','2026-11-29 07:12:17.426816');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 07:12:15.670528','2026-11-29 07:12:17.761826');
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
