"""RunEpisode: home, reset, run, judge, write one episode."""
