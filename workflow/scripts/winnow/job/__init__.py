"""What a job lives in.

`log`: where it says what it does; `said`: how that is written, and read again; `maker`: what it is; `record`: what a
run was made of and by; `devices`: the GPU that it has to itself; `scratch`: copies of datasets on its node;
`environment`: what a run hands to its jobs, and keeps from them; `needs`: memory and time that it asks for; `versions`:
whether its results are those of this code.
"""
