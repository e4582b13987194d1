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
INSERT INTO "studies" VALUES(1,'audit-mobilenet-v2');
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
INSERT INTO "study_system_attributes" VALUES(1,1,'scalesearch:driver','{"beat": 1, "folder": "/dev/shm/g3b/tmp26clavth/run/train/mobilenet-v2", "held": false, "host": "vm", "machine": "vm/9d43b320-7eeb-45f4-a787-2b5fe25bebee/pid:[4026531836]", "pid": 20722, "since": "2026-11-29 07:12:08+00:00", "started": "3908810", "token": "832893248d370b33"}');
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
INSERT INTO "study_user_attributes" VALUES(2,1,'chosen/0000','[{"key": "2c3042febd88", "candidate": {"key": "2c3042febd88", "alpha": 1, "beta": 1, "gamma": 1, "product": 1, "merged": [[1.0, 1.0, 1.0]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 17, "params": 46081, "macs": 63360, "activations": 5051, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 300774272, "full_macs_ratio": 1.0, "phi": 0.0, "role": "baseline", "budget": null, "inference_bytes": 211108, "training_bytes": 1782288, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 3, 4, 3, 3, 1]}, "arch": {"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.0}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}}, {"key": "d053deb599f4-depth-phi1", "candidate": {"key": "d053deb599f4-depth-phi1", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[2.0, 1.0, 1.0]], "depth": 1.666706414318437, "width": 0.975001335144043, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 33, "params": 100921, "macs": 126750, "activations": 9245, "nominal_ratio": 2.0, "macs_ratio": 2.000473484848485, "full_macs": 592862096, "full_macs_ratio": 1.9711197106646143, "phi": 1.0, "role": "depth", "budget": {"kind": "macs", "target": 126720.0, "value": 126750, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 448900, "training_bytes": 3474320, "resolution_width": null, "depth_doublings": 1.0148601983786298, "width_doublings": -0.014518691680174278, "resolution_doublings": 0.0, "repeats": [2, 4, 6, 7, 6, 6, 2]}, "arch": {"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 7, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 39, "squeeze_ratio": 0.0}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}}, {"key": "3a308598fa73-width-phi1", "candidate": {"key": "3a308598fa73-width-phi1", "alpha": 1.0, "beta": 1.4142135623730951, "gamma": 1.0, "product": 2.0000000000000004, "merged": [[1.0, 1.4142135623730951, 1.0]], "depth": 1.0, "width": 1.4876137624345052, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 17, "params": 94081, "macs": 126918, "activations": 7745, "nominal_ratio": 2.0000000000000004, "macs_ratio": 2.003125, "full_macs": 672440384, "full_macs_ratio": 2.235697819260286, "phi": 1.0, "role": "width", "budget": {"kind": "macs", "target": 126720.0, "value": 126918, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 415052, "training_bytes": 3079648, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 1.0022524517313784, "resolution_doublings": 0.0, "repeats": [1, 2, 3, 4, 3, 3, 1]}, "arch": {"name": "mobilenet-v2", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 18, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 30, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 60, "squeeze_ratio": 0.0}], "head_channels": 238, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}}, {"key": "7f733a54c140-resolution-phi1", "candidate": {"key": "7f733a54c140-resolution-phi1", "alpha": 1.0, "beta": 1.0, "gamma": 1.4142135623730951, "product": 2.0000000000000004, "merged": [[1.0, 1.0, 1.4142135623730951]], "depth": 1.0, "width": 1.0249996185302734, "resolution_multiplier": 1.53102729151019, "resolution": 24, "blocks": 17, "params": 46547, "macs": 126034, "activations": 11514, "nominal_ratio": 2.0000000000000004, "macs_ratio": 1.9891729797979798, "full_macs": 731214928, "full_macs_ratio": 2.431108628865703, "phi": 1.0, "role": "resolution", "budget": {"kind": "macs", "target": 126720.0, "value": 126034, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 225172, "training_bytes": 3057792, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.17775626210042939, "resolution_doublings": 1.1699250014423124, "repeats": [1, 2, 3, 4, 3, 3, 1]}, "arch": {"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.0}], "head_channels": 164, "resolution": 24, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}}, {"key": "52a881eceaa6-compound-phi1", "candidate": {"key": "52a881eceaa6-compound-phi1", "alpha": 1.4, "beta": 1.2, "gamma": 1.3, "product": 3.4070400000000003, "merged": [[1.4, 1.2, 1.3]], "depth": 1.0401524112394436, "width": 1.1111125946044922, "resolution_multiplier": 0.875, "resolution": 14, "blocks": 24, "params": 95500, "macs": 125615, "activations": 8461, "nominal_ratio": 3.4070400000000003, "macs_ratio": 1.9825599747474747, "full_macs": 542355424, "full_macs_ratio": 1.803197528809911, "phi": 1.0, "role": "compound", "budget": {"kind": "macs", "target": 126720.0, "value": 125615, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 421356, "training_bytes": 3217568, "resolution_width": null, "depth_doublings": 0.6803470909506657, "width_doublings": 0.6923075747281979, "resolution_doublings": -0.38529015588479176, "repeats": [2, 3, 4, 5, 4, 4, 2]}, "arch": {"name": "mobilenet-v2", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 9, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 22, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.0}], "head_channels": 178, "resolution": 14, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}}]');
INSERT INTO "study_user_attributes" VALUES(3,1,'run','{"kind": "sweep", "name": "audit-mobilenet-v2", "command": "scalesearch audit --train --baseline=mobilenet-v2 --phi=1 --seeds=2 --no-latency --baseline-width=0.125 --baseline-resolution=16 --baseline-channel-divisor=1 --images=96 --batch-size=16 --held-out=60 --device=cpu --jobs=2 --threads=1 --no-keep-weights --dataset=folder:drawings --out run", "phi": 1.0, "settings": {"channel_divisor": 8, "min_kept_fraction": 0.9, "repeats_rule": "ceil", "resolution_multiple": 1, "baseline": "mobilenet-v2", "baseline_width": 0.125, "baseline_resolution": 16, "baseline_channel_divisor": 1, "dataset": "folder:drawings", "data_dir": "data", "download": false, "held_out": 60, "recipe": "steady", "images": 96, "batch_size": 16, "seed": 0, "seeds": 2, "device": "cpu", "jobs": 2, "threads": 1, "stall_timeout": 1800.0, "keep_weights": false, "latency": false, "latency_batch_size": 1, "storage": "", "alpha": 1.4, "beta": 1.2, "gamma": 1.3, "phis": [1.0], "match": "macs", "roles": ["depth", "width", "resolution", "compound"]}, "machine": {"key": "f6163347", "cpu": "Intel(R) Xeon(R) Processor", "cores": 2, "governor": "unknown", "cpu_id": "GenuineIntel family 6 model 207 stepping 2", "instruction_sets": ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni"], "machine_cores": 2, "physical_cores": 2, "affinity": "0-1", "virtual": true, "memory_bytes": 25276514304, "architecture": "x86_64", "system": "Linux 6.18.44-fc-v595, Python 3.11.7", "torch": "2.14.1", "flags": ["OMP_NUM_THREADS=1"]}, "versions": {"python": "3.11.7", "scalesearch": "0.3.0", "torch": "2.14.1", "torchvision": "0.29.1", "fvcore": "0.1.5.post20221221", "optuna": "5.0.0", "pandas": "3.1.1", "numpy": "2.4.6", "matplotlib": "3.11.2", "onnx": "1.23.2", "onnxruntime": "1.32.0"}, "grid_points": 5, "feasible": 5, "thinning": "", "classes": 3, "baseline": {"params": 46081, "macs": 63360, "resolution": 16, "blocks": 17, "full_macs": 300774272}, "order": ["2c3042febd88", "d053deb599f4-depth-phi1", "3a308598fa73-width-phi1", "7f733a54c140-resolution-phi1", "52a881eceaa6-compound-phi1"], "rungs": [{"images": 96, "networks": 5, "seeds": 2}], "objectives": ["top1"]}');
INSERT INTO "study_user_attributes" VALUES(4,1,'session/0000','5.439');
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
INSERT INTO "trial_intermediate_values" VALUES(1,1,32,0.402767660409288,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,48,4.95088444886152057033e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,80,5.86003308355882879254e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,1,96,0.600838655318148,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,32,2.23223652398560207243e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,48,2.82677380759586815983e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,2,80,3.2904590425910418272e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,96,3.40809293841255911416e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,32,3.78468497911212675699e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,3,48,4.01423955194629811238e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,3,80,3.94705015067101760983e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,3,96,4.04336623611068368688e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,4,32,3.02865348745669560326e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,4,48,3.56371772250146212623e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,4,80,4.21157907019649724311e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,4,96,4.33468598050816722455e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,5,32,4.1251880513155986252e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,5,48,4.63601494660508484102e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,5,80,4.84087144566566096592e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,5,96,4.83935550930632119026e-01,'FINITE');
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
INSERT INTO "trial_params" VALUES(1,1,'alpha',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(3,1,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'alpha',2.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,2,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(6,2,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(7,3,'alpha',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(8,3,'beta',1.41421356237309514547e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(9,3,'gamma',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(10,4,'alpha',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(11,4,'beta',1.0,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(12,4,'gamma',1.41421356237309514547e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(13,5,'alpha',1.4,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 2.0, "log": false}}');
INSERT INTO "trial_params" VALUES(14,5,'beta',1.2,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
INSERT INTO "trial_params" VALUES(15,5,'gamma',1.3,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1.0, "high": 1.4142135623730951, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"alpha": 1, "beta": 1, "gamma": 1}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"alpha": 2.0, "beta": 1.0, "gamma": 1.0}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"alpha": 1.0, "beta": 1.4142135623730951, "gamma": 1.0}');
INSERT INTO "trial_system_attributes" VALUES(4,4,'fixed_params','{"alpha": 1.0, "beta": 1.0, "gamma": 1.4142135623730951}');
INSERT INTO "trial_system_attributes" VALUES(5,5,'fixed_params','{"alpha": 1.4, "beta": 1.2, "gamma": 1.3}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'key','"2c3042febd88"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'candidate','{"key": "2c3042febd88", "alpha": 1, "beta": 1, "gamma": 1, "product": 1, "merged": [[1.0, 1.0, 1.0]], "depth": 1.0, "width": 1.0, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 17, "params": 46081, "macs": 63360, "activations": 5051, "nominal_ratio": 1.0, "macs_ratio": 1.0, "full_macs": 300774272, "full_macs_ratio": 1.0, "phi": 0.0, "role": "baseline", "budget": null, "inference_bytes": 211108, "training_bytes": 1782288, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 0.0, "resolution_doublings": 0.0, "repeats": [1, 2, 3, 4, 3, 3, 1]}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'arch','{"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 40, "squeeze_ratio": 0.0}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'key','"d053deb599f4-depth-phi1"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'candidate','{"key": "d053deb599f4-depth-phi1", "alpha": 2.0, "beta": 1.0, "gamma": 1.0, "product": 2.0, "merged": [[2.0, 1.0, 1.0]], "depth": 1.666706414318437, "width": 0.975001335144043, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 33, "params": 100921, "macs": 126750, "activations": 9245, "nominal_ratio": 2.0, "macs_ratio": 2.000473484848485, "full_macs": 592862096, "full_macs_ratio": 1.9711197106646143, "phi": 1.0, "role": "depth", "budget": {"kind": "macs", "target": 126720.0, "value": 126750, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 448900, "training_bytes": 3474320, "resolution_width": null, "depth_doublings": 1.0148601983786298, "width_doublings": -0.014518691680174278, "resolution_doublings": 0.0, "repeats": [2, 4, 6, 7, 6, 6, 2]}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'arch','{"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 7, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 6, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 39, "squeeze_ratio": 0.0}], "head_channels": 160, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}');
INSERT INTO "trial_user_attributes" VALUES(7,3,'key','"3a308598fa73-width-phi1"');
INSERT INTO "trial_user_attributes" VALUES(8,3,'candidate','{"key": "3a308598fa73-width-phi1", "alpha": 1.0, "beta": 1.4142135623730951, "gamma": 1.0, "product": 2.0000000000000004, "merged": [[1.0, 1.4142135623730951, 1.0]], "depth": 1.0, "width": 1.4876137624345052, "resolution_multiplier": 1.0, "resolution": 16, "blocks": 17, "params": 94081, "macs": 126918, "activations": 7745, "nominal_ratio": 2.0000000000000004, "macs_ratio": 2.003125, "full_macs": 672440384, "full_macs_ratio": 2.235697819260286, "phi": 1.0, "role": "width", "budget": {"kind": "macs", "target": 126720.0, "value": 126918, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 415052, "training_bytes": 3079648, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": 1.0022524517313784, "resolution_doublings": 0.0, "repeats": [1, 2, 3, 4, 3, 3, 1]}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'arch','{"name": "mobilenet-v2", "stem_channels": 6, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 6, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 18, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 30, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 60, "squeeze_ratio": 0.0}], "head_channels": 238, "resolution": 16, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}');
INSERT INTO "trial_user_attributes" VALUES(10,4,'key','"7f733a54c140-resolution-phi1"');
INSERT INTO "trial_user_attributes" VALUES(11,4,'candidate','{"key": "7f733a54c140-resolution-phi1", "alpha": 1.0, "beta": 1.0, "gamma": 1.4142135623730951, "product": 2.0000000000000004, "merged": [[1.0, 1.0, 1.4142135623730951]], "depth": 1.0, "width": 1.0249996185302734, "resolution_multiplier": 1.53102729151019, "resolution": 24, "blocks": 17, "params": 46547, "macs": 126034, "activations": 11514, "nominal_ratio": 2.0000000000000004, "macs_ratio": 1.9891729797979798, "full_macs": 731214928, "full_macs_ratio": 2.431108628865703, "phi": 1.0, "role": "resolution", "budget": {"kind": "macs", "target": 126720.0, "value": 126034, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 225172, "training_bytes": 3057792, "resolution_width": null, "depth_doublings": 0.0, "width_doublings": -0.17775626210042939, "resolution_doublings": 1.1699250014423124, "repeats": [1, 2, 3, 4, 3, 3, 1]}');
INSERT INTO "trial_user_attributes" VALUES(12,4,'arch','{"name": "mobilenet-v2", "stem_channels": 4, "stages": [{"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 2, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 8, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 12, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 20, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 1, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 41, "squeeze_ratio": 0.0}], "head_channels": 164, "resolution": 24, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}');
INSERT INTO "trial_user_attributes" VALUES(13,5,'key','"52a881eceaa6-compound-phi1"');
INSERT INTO "trial_user_attributes" VALUES(14,5,'candidate','{"key": "52a881eceaa6-compound-phi1", "alpha": 1.4, "beta": 1.2, "gamma": 1.3, "product": 3.4070400000000003, "merged": [[1.4, 1.2, 1.3]], "depth": 1.0401524112394436, "width": 1.1111125946044922, "resolution_multiplier": 0.875, "resolution": 14, "blocks": 24, "params": 95500, "macs": 125615, "activations": 8461, "nominal_ratio": 3.4070400000000003, "macs_ratio": 1.9825599747474747, "full_macs": 542355424, "full_macs_ratio": 1.803197528809911, "phi": 1.0, "role": "compound", "budget": {"kind": "macs", "target": 126720.0, "value": 125615, "matched_by": "phi,width", "full_size": false, "missed": ""}, "inference_bytes": 421356, "training_bytes": 3217568, "resolution_width": null, "depth_doublings": 0.6803470909506657, "width_doublings": 0.6923075747281979, "resolution_doublings": -0.38529015588479176, "repeats": [2, 3, 4, 5, 4, 4, 2]}');
INSERT INTO "trial_user_attributes" VALUES(15,5,'arch','{"name": "mobilenet-v2", "stem_channels": 5, "stages": [{"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 1, "channels": 3, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 3, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 4, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 5, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 5, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 9, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 13, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 4, "kernel_size": 3, "stride": 2, "expand_ratio": 6, "channels": 22, "squeeze_ratio": 0.0}, {"block": "mbconv", "repeats": 2, "kernel_size": 3, "stride": 1, "expand_ratio": 6, "channels": 44, "squeeze_ratio": 0.0}], "head_channels": 178, "resolution": 14, "classes": 3, "in_channels": 3, "stem_kernel_size": 3, "dropout": 0.2, "drop_path": 0.0, "norm_eps": 1e-05, "norm_momentum": 0.1, "activation": "relu6", "head_width": "grown"}');
INSERT INTO "trial_user_attributes" VALUES(16,1,'run/1','{"top1": 0.6088455280267248, "loss": 2.3911544719732754, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6009192502778378, "top1": 0.39908074972216234}, {"images": 48, "train_loss": 2.0, "loss": 2.5010317644237756, "top1": 0.4989682355762242}, {"images": 80, "train_loss": 2.0, "loss": 2.4130278674446153, "top1": 0.5869721325553849}, {"images": 96, "train_loss": 2.0, "loss": 2.3911544719732754, "top1": 0.6088455280267248}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(17,1,'run/0','{"top1": 0.5928317826095713, "loss": 2.4071682173904287, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.593545428903586, "top1": 0.4064545710964137}, {"images": 48, "train_loss": 2.0, "loss": 2.50879134580392, "top1": 0.4912086541960799}, {"images": 80, "train_loss": 2.0, "loss": 2.4149655158436194, "top1": 0.5850344841563807}, {"images": 96, "train_loss": 2.0, "loss": 2.4071682173904287, "top1": 0.5928317826095713}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(18,2,'run/0','{"top1": 0.33508889447413787, "loss": 2.6649111055258623, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7759730424905573, "top1": 0.2240269575094429}, {"images": 48, "train_loss": 2.0, "loss": 2.7174224269571345, "top1": 0.2825775730428656}, {"images": 80, "train_loss": 2.0, "loss": 2.67747535052025, "top1": 0.32252464947975007}, {"images": 96, "train_loss": 2.0, "loss": 2.6649111055258623, "top1": 0.33508889447413787}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(19,2,'run/1','{"top1": 0.3465296932083739, "loss": 2.6534703067916263, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.7775796527123227, "top1": 0.2224203472876775}, {"images": 48, "train_loss": 2.0, "loss": 2.717222811523692, "top1": 0.282777188476308}, {"images": 80, "train_loss": 2.0, "loss": 2.664432840961542, "top1": 0.33556715903845824}, {"images": 96, "train_loss": 2.0, "loss": 2.6534703067916263, "top1": 0.3465296932083739}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(20,3,'run/0','{"top1": 0.40397093949967117, "loss": 2.596029060500329, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6203633320466553, "top1": 0.3796366679533449}, {"images": 48, "train_loss": 2.0, "loss": 2.5985354566784906, "top1": 0.4014645433215095}, {"images": 80, "train_loss": 2.0, "loss": 2.5995345461285284, "top1": 0.4004654538714718}, {"images": 96, "train_loss": 2.0, "loss": 2.596029060500329, "top1": 0.40397093949967117}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(21,3,'run/1','{"top1": 0.4047023077224655, "loss": 2.5952976922775344, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6226996721309197, "top1": 0.37730032786908047}, {"images": 48, "train_loss": 2.0, "loss": 2.59861663293225, "top1": 0.4013833670677501}, {"images": 80, "train_loss": 2.0, "loss": 2.6110554237372683, "top1": 0.38894457626273166}, {"images": 96, "train_loss": 2.0, "loss": 2.5952976922775344, "top1": 0.4047023077224655}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(22,4,'run/0','{"top1": 0.4374286859908192, "loss": 2.5625713140091806, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.698263884032372, "top1": 0.3017361159676278}, {"images": 48, "train_loss": 2.0, "loss": 2.6443104869003022, "top1": 0.3556895130996977}, {"images": 80, "train_loss": 2.0, "loss": 2.5731456995737356, "top1": 0.42685430042626443}, {"images": 96, "train_loss": 2.0, "loss": 2.5625713140091806, "top1": 0.4374286859908192}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(23,4,'run/1','{"top1": 0.4295085101108142, "loss": 2.5704914898891857, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.6960054184762887, "top1": 0.30399458152371134}, {"images": 48, "train_loss": 2.0, "loss": 2.6429459685994052, "top1": 0.3570540314005947}, {"images": 80, "train_loss": 2.0, "loss": 2.584538486386965, "top1": 0.415461513613035}, {"images": 96, "train_loss": 2.0, "loss": 2.5704914898891857, "top1": 0.4295085101108142}], "fvcore_total": null, "uncounted": null}');
INSERT INTO "trial_user_attributes" VALUES(24,5,'run/0','{"top1": 0.48322136765588464, "loss": 2.5167786323441153, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.583178691338585, "top1": 0.416821308661415}, {"images": 48, "train_loss": 2.0, "loss": 2.5396682362540166, "top1": 0.4603317637459835}, {"images": 80, "train_loss": 2.0, "loss": 2.51860601328243, "top1": 0.48139398671757017}, {"images": 96, "train_loss": 2.0, "loss": 2.5167786323441153, "top1": 0.48322136765588464}], "fvcore_total": 12345, "uncounted": {"aten::silu": 3}}');
INSERT INTO "trial_user_attributes" VALUES(25,5,'run/1','{"top1": 0.48464973420537966, "loss": 2.5153502657946203, "held_out_images": 900, "train_seconds": 0.96, "images_seen": 96, "complete": true, "curve": [{"images": 32, "train_loss": 2.0, "loss": 2.591783698398295, "top1": 0.40821630160170475}, {"images": 48, "train_loss": 2.0, "loss": 2.5331287744249664, "top1": 0.46687122557503347}, {"images": 80, "train_loss": 2.0, "loss": 2.513219697584438, "top1": 0.4867803024155621}, {"images": 96, "train_loss": 2.0, "loss": 2.5153502657946203, "top1": 0.48464973420537966}], "fvcore_total": null, "uncounted": null}');
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
INSERT INTO "trial_values" VALUES(1,1,0,0.600838655318148,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,3.40809293841255911416e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,4.04336623611068368688e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,4.33468598050816722455e-01,'FINITE');
INSERT INTO "trial_values" VALUES(5,5,0,4.83935550930632119026e-01,'FINITE');
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
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 07:12:09.965719','2026-11-29 07:12:11.159686');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 07:12:10.430956','2026-11-29 07:12:12.040869');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 07:12:11.324962','2026-11-29 07:12:12.887034');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-29 07:12:12.099575','2026-11-29 07:12:13.718445');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE','2026-11-29 07:12:12.994836','2026-11-29 07:12:14.632938');
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
