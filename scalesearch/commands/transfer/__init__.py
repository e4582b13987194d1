"""`scalesearch transfer`: do one network's coefficients serve another?"""
