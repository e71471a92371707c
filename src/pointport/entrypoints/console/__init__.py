"""The console: pages for a person, rendered here, over the same story that the API tells. One file per page.

Every page works without a script; what a script adds is told in `static/console.js`.
"""
