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
INSERT INTO "studies" VALUES(1,'scale-resnet-18');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 0, "folder": "/dev/shm/g3b/tmp5g3cg073/run", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20722, "since": "2026-11-29 07:12:00+00:00", "started": "3908810", "token": "ec5cc87fdc08ffd5"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'chosen/0000','[{"key": "7669417bcb54-phi0", "candidate": {"key": "7669417bcb54-phi0", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 8, "params": 176907, "macs": 308928, "activations": 1827, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 1814073344, "full_macs_ratio": 1.0, "phi": 0.0, "role": "family", "budget": null, "inference_bytes": 719596, "training_bytes": 3145456, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 2, 2, 2]}, "arch": {"name": "resnet-18", "stem_channels": 8, "stages": [{"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 8, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 16, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 32, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 64, "squeeze_ratio": 0.0}], "head_channels": 0, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 7, "dropout": 0.0, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu", "stem_pool": true}}, {"key": "f904ab3f3f66-phi1", "candidate": {"key": "f904ab3f3f66-phi1", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 18, "blocks": 12, "params": 330383, "macs": 853223, "activations": 4686, "nominal_ratio": 1.92027, "macs_ratio": 2.761883027760514, "full_macs": 4894689944, "full_macs_ratio": 2.6981764327164934, "phi": 1.0, "role": "family", "budget": null, "inference_bytes": 1338644, "training_bytes": 5991088, "resolution_width": null, "depth_doublings": 0.5035021205886911, "width_doublings": 0.622300095889712, "resolution_doublings": 0.33985000288462475, "repeats": [3, 3, 3, 3]}, "arch": {"name": "resnet-18", "stem_channels": 9, "stages": [{"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 9, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 18, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 35, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 70, "squeeze_ratio": 0.0}], "head_channels": 0, "resolution": 18, "classes": 3, "in_channels": 3, "stem_kernel_size": 7, "dropout": 0.0, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu", "stem_pool": true}}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'run','{"kind": "scale", "name": "scale-resnet-18", "command": "scalesearch scale --train --train-phi=0,1 --phi=0,1 --baseline resnet-18 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "resnet-18", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 3, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": false, "latency_batch_size": 1, "storage": "", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phi": [0.0, 1.0], "train_phi": [0.0, 1.0], "budget": "", "law": [], "train": true}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 2, "feasible": 2, "thinning": "", "classes": 3, "baseline": {"params": 176907, "macs": 308928, "resolution": 16, "blocks": 8, "full_macs": 1814073344}, "order": ["7669417bcb54-phi0", "f904ab3f3f66-phi1"], "rungs": [{"images": 96, "networks": 2, "seeds": 3}], "objectives": ["top1"], "derivation": {"name": "scale-resnet-18", "command": "scalesearch scale --train --train-phi=0,1 --phi=0,1 --baseline resnet-18 --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "baseline": "resnet-18", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "resnet-18", "baseline_width": 1.0, "baseline_resolution": 0, "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phis": [0.0, 1.0], "budget": "", "law": [], "latency": false, "latency_batch_size": 1, "device": "cpu", "threads": 1}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "wall_s": 1.4101548059989, "family": [{"phi": 0.0, "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 224, "blocks": 8, "params": 11689512, "macs": 1814073344, "fvcore_total": 54321, "uncounted": {}, "activations": 2484712, "nominal_ratio": 1.0, "macs_ratio": 1.0, "latency": null, "budget": null, "resolution_width": null}, {"phi": 1.0, "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 258, "blocks": 12, "params": 21514304, "macs": 4894689944, "fvcore_total": 54321, "uncounted": {}, "activations": 5006024, "nominal_ratio": 1.92027, "macs_ratio": 2.6981764327164934, "latency": null, "budget": null, "resolution_width": null}], "published": []}}');
INSERT INTO "study_user_attributes" VALUES(4,1,'session/0000','2.508');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,3.52960322460226294527e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,4.53751704527205312889e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,5.5971211474356519222e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,5.85989739093719763651e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,0.568743335024788,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,5.9073291273223416109e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,0.601975438585744,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,5.99102550539190148448e-01,'FINITE');
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
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"7669417bcb54-phi0"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "7669417bcb54-phi0", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 8, "params": 176907, "macs": 308928, "activations": 1827, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 1814073344, "full_macs_ratio": 1.0, "phi": 0.0, "role": "family", "budget": null, "inference_bytes": 719596, "training_bytes": 3145456, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [2, 2, 2, 2]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "resnet-18", "stem_channels": 8, "stages": [{"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 8, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 16, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 32, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 64, "squeeze_ratio": 0.0}], "head_channels": 0, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 7, "dropout": 0.0, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu", "stem_pool": true}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"f904ab3f3f66-phi1"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "f904ab3f3f66-phi1", "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "product": 1.92027, "merged": [[1.2, 1.1, 1.15]], "depth": 1.2, "width": 1.1, "resolution_multiplier": 1.15, "resolution": 18, "blocks": 12, "params": 330383, "macs": 853223, "activations": 4686, "nominal_ratio": 1.92027, "macs_ratio": 2.761883027760514, "full_macs": 4894689944, "full_macs_ratio": 2.6981764327164934, "phi": 1.0, "role": "family", "budget": null, "inference_bytes": 1338644, "training_bytes": 5991088, "resolution_width": null, "depth_doublings": 0.5035021205886911, "width_doublings": 0.622300095889712, "resolution_doublings": 0.33985000288462475, "repeats": [3, 3, 3, 3]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "resnet-18", "stem_channels": 9, "stages": [{"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 9, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 18, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 35, "squeeze_ratio": 0.0}, {"block": "basic", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 1, "channels": 70, "squeeze_ratio": 0.0}], "head_channels": 0, "resolution": 18, "classes": 3, "in_channels": 3, "stem_kernel_size": 7, "dropout": 0.0, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu", "stem_pool": true}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'run/0','{"top1": 0.5846690751993776, "loss": 2.4153309248006223, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.639772332195359, "top1": 0.36022766780464077}, {"images": 48, "train_loss": 2.0, "loss": 2.553437898387252, "top1": 0.4465621016127483}, {"images": 80, "train_loss": 2.0, "loss": 2.4342761190919644, "top1": 0.5657238809080354}, {"images": 96, "train_loss": 2.0, "loss": 2.4153309248006223, "top1": 0.5846690751993776}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(8,1,'run/1','{"top1": 0.5924733201514595, "loss": 2.4075266798485404, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.655090345958065, "top1": 0.3449096540419351}, {"images": 48, "train_loss": 2.0, "loss": 2.541626449881123, "top1": 0.4583735501188772}, {"images": 80, "train_loss": 2.0, "loss": 2.445093740241085, "top1": 0.554906259758915}, {"images": 96, "train_loss": 2.0, "loss": 2.4075266798485404, "top1": 0.5924733201514595}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(9,2,'run/0','{"top1": 0.59641540459629, "loss": 2.40358459540371, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.4262968265229317, "top1": 0.5737031734770683}, {"images": 48, "train_loss": 2.0, "loss": 2.4186491873856033, "top1": 0.5813508126143967}, {"images": 80, "train_loss": 2.0, "loss": 2.393895364322171, "top1": 0.6061046356778289}, {"images": 96, "train_loss": 2.0, "loss": 2.40358459540371, "top1": 0.59641540459629}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(10,1,'run/2','{"top1": 0.5808268219303223, "loss": 2.419173178069678, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.646256354465897, "top1": 0.35374364553410315}, {"images": 48, "train_loss": 2.0, "loss": 2.5436805381500096, "top1": 0.45631946184999056}, {"images": 80, "train_loss": 2.0, "loss": 2.441493796436255, "top1": 0.5585062035637451}, {"images": 96, "train_loss": 2.0, "loss": 2.419173178069678, "top1": 0.5808268219303223}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(11,2,'run/1','{"top1": 0.5969493283355385, "loss": 2.4030506716644613, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.4368341271800507, "top1": 0.5631658728199496}, {"images": 48, "train_loss": 2.0, "loss": 2.407442304006522, "top1": 0.592557695993478}, {"images": 80, "train_loss": 2.0, "loss": 2.4065144528654647, "top1": 0.5934855471345354}, {"images": 96, "train_loss": 2.0, "loss": 2.4030506716644613, "top1": 0.5969493283355385}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(12,2,'run/2','{"top1": 0.6039429186857418, "loss": 2.3960570813142583, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.4306390412226535, "top1": 0.5693609587773464}, {"images": 48, "train_loss": 2.0, "loss": 2.401709770411172, "top1": 0.5982902295888278}, {"images": 80, "train_loss": 2.0, "loss": 2.3936638670551327, "top1": 0.6063361329448674}, {"images": 96, "train_loss": 2.0, "loss": 2.3960570813142583, "top1": 0.6039429186857418}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,1,0,5.85989739093719763651e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,5.99102550539190148448e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:12:01.186977','2026-11-29 07:12:02.537972');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:12:01.791323','2026-11-29 07:12:03.203027');
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
