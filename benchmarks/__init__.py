"""Compare this auth manager with Airflow's others, in one run, on one machine.

``python -m benchmarks [--quick] [part…]``. Each manager runs in processes and an Airflow home of its own; what is
printed are medians and ratios. Nothing here asserts a time: machines differ, ratios less so.
"""
