"""Runs main.py of a program several times in one process: several.py PROGRAM 'ARGS' 'ARGS' ..., each ARGS a list in JSON."""
import json
import sys

sys.path.insert(0, sys.argv[1])
import main

for args in sys.argv[2:]:
    sys.argv = ["main.py", *json.loads(args)]
    main.main()
