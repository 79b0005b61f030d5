"""What a run leaves behind: evidence, results that survive a crash, run.json, and the pages people read.

run = RunRecorder.create(Path("reports"), lab="desk", redactor=redactor)   # the controlling process
run = RunRecorder.join(folder, "gw0", redactor)                            # a worker process
with run.evidence(test, unit, controls) as evidence: ...
run.add(result); run.restarted("np6150", "state 2"); ...
record = run.finish(...)                                                   # the controlling process again
"""

from nportlab.report.evidence import EvidenceRecorder
from nportlab.report.record import RunRecord, load_run
from nportlab.report.run import RunRecorder

__all__ = ["EvidenceRecorder", "RunRecord", "RunRecorder", "load_run"]
