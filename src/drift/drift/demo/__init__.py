"""The demo: demonstrations, bootstrapping, corrected episodes over DDS, evaluation, report."""
