"""Rehearsing what is planned: the publisher's own decisions on a clock that runs ahead; nothing is sent or written.

A **scene** is all that is known beforehand; a **play** is one planned publication in it. Walking through the scene
gives each play its **fate**: out at a time, failed, or waiting for somebody. A **finding** is what people should know
of it: how bad, why, what to do, and who.
"""
