"""The demo: demonstrations, bootstrapping, corrected rounds over DDS, evaluation, report."""
