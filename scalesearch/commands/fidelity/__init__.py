"""`scalesearch fidelity`: do short trainings rank networks as long ones do?"""
