"""Four sets of twenty questions to Debian's documentation packages, with the page that answers.

`OPEN` and `NAMED` were written from memory, without looking at any page: `OPEN` in a layman's words,
`NAMED` as a user who names the product. `DRAWN` was written for pages drawn by a seed (2026; 8
Python, 6 PostgreSQL, 3 SQLite, 3 git; longer than 3,000 characters, no indexes and release notes)
from three random lines of each, before anything was searched. The weights of the index were chosen
with `OPEN` in view; `DRAWN` and then `FACTS` were asked once, after that. `FACTS` was written like
`DRAWN`, from seed 2027, about one fact of the lines shown.
"""

OPEN = {
    "Which call starts a program and hands back its output as a string, raising an error if the exit"
    " status is not zero?": "python/library/subprocess.html",
    "How can I make sure a lock is always given back when an exception happens in a thread?": (
        "python/library/threading.html"
    ),
    "What is the easiest way to read a spreadsheet saved with comma separated values row by row?": (
        "python/library/csv.html"
    ),
    "How do I remember results of an expensive function so that it is not computed twice for the"
    " same arguments?": "python/library/functools.html",
    "How can a script find out which command line options the user typed and print a help text?": (
        "python/library/argparse.html"
    ),
    "Why does my default list argument keep its items between calls?": "python/faq/programming.html",
    "How are exceptions from several concurrent tasks raised together and caught with except*?": (
        "python/tutorial/errors.html"
    ),
    "Which module turns text into secure hashes such as SHA-256?": "python/library/hashlib.html",
    "How do I stop other users from reading rows of a table that do not belong to them?": (
        "postgresql/ddl-rowsecurity.html"
    ),
    "What prevents transaction ids from wrapping around and making old rows invisible?": (
        "postgresql/routine-vacuuming.html"
    ),
    "How can a standby server replay the write-ahead log sent by the primary?": (
        "postgresql/warm-standby.html"
    ),
    "Which index type should I use to search for words inside documents?": (
        "postgresql/textsearch-indexes.html"
    ),
    "How is a deadlock between two transactions resolved?": "postgresql/explicit-locking.html",
    "How do I dump a whole database to a file and restore it on another machine?": (
        "postgresql/backup-dump.html"
    ),
    "Can several processes open the same database file at once, and what happens when one writes"
    " while the others read?": "sqlite/lockingv3.html",
    "Why is a number stored in a text column still accepted, and how are column types decided?": (
        "sqlite/datatype3.html"
    ),
    "How can I insert a row or change it if the key is already there?": "sqlite/lang_upsert.html",
    "How do I find the commit that introduced a bug by binary search?": "git/git-bisect.html",
    "How do I put my unfinished changes aside and get them back later?": "git/git-stash.html",
    "How can I move my commits on top of another branch and squash some of them interactively?": (
        "git/git-rebase.html"
    ),
}

NAMED = {
    "How do I run a shell command from Python and capture what it prints?": (
        "python/library/subprocess.html"
    ),
    "In Python, how can I run a coroutine with a timeout?": "python/library/asyncio-task.html",
    "How do I parse a string like 2023-05-01 into a Python datetime object?": (
        "python/library/datetime.html"
    ),
    "Which Python function expands shell style wildcards to a list of file names?": (
        "python/library/glob.html"
    ),
    "How do I write unit tests in Python that replace a function by a mock object?": (
        "python/library/unittest.mock.html"
    ),
    "How do I store Python objects in a file so that they can be loaded again, and why is that"
    " unsafe with untrusted data?": "python/library/pickle.html",
    "How do I send an e-mail through a mail server from Python?": "python/library/smtplib.html",
    "What does the Python garbage collector do with reference cycles and how can I switch it off?": (
        "python/library/gc.html"
    ),
    "Which file decides which PostgreSQL users may connect from which hosts and with what"
    " authentication method?": "postgresql/auth-pg-hba-conf.html",
    "How do I see why a query is slow and which plan PostgreSQL chose?": (
        "postgresql/using-explain.html"
    ),
    "How can I split a huge PostgreSQL table into partitions by date range?": (
        "postgresql/ddl-partitioning.html"
    ),
    "Which isolation levels does PostgreSQL offer and what is a serialization failure?": (
        "postgresql/transaction-iso.html"
    ),
    "How do I take a base backup and recover PostgreSQL to a point in time?": (
        "postgresql/continuous-archiving.html"
    ),
    "How do I write a trigger function in PL/pgSQL that changes the new row?": (
        "postgresql/plpgsql-trigger.html"
    ),
    "How big can a SQLite database file get, and how many columns may a table have?": (
        "sqlite/limits.html"
    ),
    "How do I search full text in SQLite with a virtual table?": "sqlite/fts5.html",
    "What happens to SQLite transactions after a power failure, how is atomic commit achieved?": (
        "sqlite/atomiccommit.html"
    ),
    "How do I stash uncommitted changes in git and apply them again later?": "git/git-stash.html",
    "How do I undo a pushed commit in git with a new commit that reverses it?": (
        "git/git-revert.html"
    ),
    "How does git decide which files to ignore, and what do patterns in .gitignore mean?": (
        "git/gitignore.html"
    ),
}

DRAWN = {
    "Why does changing one Python list also change another variable that I assigned from it?": (
        "python/faq/programming.html"
    ),
    "How can a Python enumeration accept a value that is not among its members, such as a different"
    " case of a string?": "python/library/enum.html",
    "How can a program wait until one of several sockets is ready for reading, using epoll?": (
        "python/library/select.html"
    ),
    "Which thread runs the handler when my Python process receives SIGINT, and how do I block"
    " signals for one thread?": "python/library/signal.html",
    "How do I send binary data and dates to a remote procedure server over HTTP with XML from"
    " Python?": "python/library/xmlrpc.client.html",
    "How does a C function written for Python parse its keyword arguments and when must it increase"
    " reference counts?": "python/extending/extending.html",
    "How do I print the calendar of a month as an HTML table with my own CSS classes for the"
    " weekdays?": "python/library/calendar.html",
    "How do I make the test runner discover all files ending in _test.py in a project directory?": (
        "python/library/unittest.html"
    ),
    "What must a comparison function of an operator class return so that a B-tree index can sort"
    " with it?": "postgresql/btree-support-funcs.html",
    "How do I give a role a configuration setting that applies each time it logs in?": (
        "postgresql/role-attributes.html"
    ),
    "How do I return only one row for each distinct value in a SELECT, and how are output columns"
    " named?": "postgresql/queries-select-lists.html",
    "Which function tells into which bucket of a histogram with equal width a number falls?": (
        "postgresql/functions-math.html"
    ),
    "How do I pick the elements of a JSON array that satisfy a condition with a path expression?": (
        "postgresql/functions-json.html"
    ),
    "How do I remove old WAL files from the archive that a standby no longer needs?": (
        "postgresql/pgarchivecleanup.html"
    ),
    "How can I write straight into the content of a SQLite index by giving it a second table?": (
        "sqlite/imposter.html"
    ),
    "How does SQLite avoid memory fragmentation, and what happens when an allocation fails?": (
        "sqlite/malloc.html"
    ),
    "What support must the SQLite developers give to a member company, and how can either party"
    " terminate?": "sqlite/consortium_agreement-20071201.html",
    "How do I let anybody fetch a repository anonymously over the git protocol, only below one base"
    " path?": "git/git-daemon.html",
    "How do I see who last changed each line of a file, for a range of lines only?": (
        "git/git-blame.html"
    ),
    "How do Alice and Bob exchange their work by pulling from each other's repositories?": (
        "git/gittutorial.html"
    ),
}

FACTS = {
    "Why does a DLL on Windows have no dangling references, unlike a shared object on Unix?": (
        "python/extending/windows.html"
    ),
    "Which function reports SunOS as Solaris by using aliases of platform names?": (
        "python/library/platform.html"
    ),
    "How do I decode bytes of the Windows code page statefully so that a trailing lead byte is not"
    " decoded?": "python/c-api/unicode.html",
    "Which C function gives start and end line and column for a byte offset of a code object?": (
        "python/c-api/code.html"
    ),
    "How do I import modules from a zip archive on the search path and clear its cache of file"
    " information?": "python/library/zipimport.html",
    "Which exception is raised when listing a directory that is not a directory, matching errno"
    " ENOTDIR?": "python/library/exceptions.html",
    "How do I refer to sys.stdout from a logging dictionary for a rotating file and console"
    " handler?": "python/library/logging.config.html",
    "What does a headers object of a WSGI server return for a header that does not exist?": (
        "python/library/wsgiref.html"
    ),
    "Where do I raise the limit on the number of open files and shared memory segments for the"
    " database server?": "postgresql/kernel-resources.html",
    "Which cast syntax conforms to SQL and which is historical PostgreSQL usage?": (
        "postgresql/sql-expressions.html"
    ),
    "How can SQL return the serial number and subject of the client's current certificate?": (
        "postgresql/sslinfo.html"
    ),
    "How does an extension write a WAL-logged data update step by step without its own resource"
    " manager?": "postgresql/generic-wal.html",
    "Which features of C99 may not be used in PostgreSQL's own source code?": (
        "postgresql/source-conventions.html"
    ),
    "Why do row-level locks normally not appear in the view of held locks?": (
        "postgresql/view-pg-locks.html"
    ),
    "Which C functions copy the content of one SQLite database into another while it is in use?": (
        "sqlite/c3ref/backup_finish.html"
    ),
    "What does a negative LIMIT mean for an UPDATE, and how does UPDATE FROM differ from MySQL?": (
        "sqlite/lang_update.html"
    ),
    "In which SQLite release was the checksum VFS shim added to the loadable extensions?": (
        "sqlite/changes.html"
    ),
    "What does git do when a file's modification time equals that of the index file?": (
        "git/technical/racy-git.html"
    ),
    "How can a script ask git to retrieve, store or reject a user name and password?": (
        "git/git-credential.html"
    ),
    "Which copy of an object is chosen when it is in several packfiles?": (
        "git/technical/multi-pack-index.html"
    ),
}

ALSO = {
    "sqlite/fts5.html": ("sqlite/fts3.html",),
    "postgresql/using-explain.html": ("postgresql/sql-explain.html",),
    "postgresql/role-attributes.html": ("postgresql/sql-alterrole.html",),
    "postgresql/pgarchivecleanup.html": ("postgresql/warm-standby.html",),
    "python/library/logging.config.html": ("python/howto/logging-cookbook.html",),
    "sqlite/c3ref/backup_finish.html": ("sqlite/backup.html",),
    "sqlite/changes.html": ("sqlite/releaselog/3_32_0.html",),
}
"""Pages that answer too, seen when the misses were read: counted apart, never instead."""
