SELECT epoca FROM epocas WHERE instance_id = $1
