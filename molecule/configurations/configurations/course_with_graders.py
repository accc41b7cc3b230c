# Courses: graders and students are groups, each course's service gets rights through roles, and graders open students' servers.
COURSES = {"physics-101": {"graders": ["alice"], "students": ["bob"]}, "physics-102": {"graders": ["carol"], "students": ["alice", "bob"]}}

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_groups = {
    f"{kind}-{course}": people[role]
    for course, people in COURSES.items()
    for kind, role in (("formgrade", "graders"), ("nbgrader", "students"))
}
c.JupyterHub.services = []
c.JupyterHub.load_roles = roles = [{"name": "server", "scopes": ["inherit"]}]
for number, course in enumerate(COURSES):
    c.JupyterHub.services.append(
        {"name": course, "url": f"http://127.0.0.1:{9901 + number}", "api_token": f"a-token-of-the-graders-of-{course}"}
    )
    roles.append(
        {
            "name": f"formgrade-{course}",
            "groups": [f"formgrade-{course}"],
            "services": [course],
            "scopes": [f"access:services!service={course}", f"access:servers!group=nbgrader-{course}", f"list:users!group=nbgrader-{course}"],
        }
    )
