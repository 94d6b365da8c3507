"""The reference executor: cascades on real arrays, exactly as the language defines them."""

from fusemax.execute.run import run
from fusemax.execute.trial import load_tried, trial_run

__all__ = ["load_tried", "run", "trial_run"]
