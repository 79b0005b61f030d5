"""Images of the lab, what can be flashed to what, and the plan of it. Nothing here touches a unit.

`load_images(lab)` verifies the images against their manifest; `Graph.build` says what leads where; `cover` plans.
"""
