# fish completion for virtkeep, virtkeep-files, virtkeep-mount and virtkeep-restore
# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs answer what may stand at the cursor: see engine/base/program/complete.h.

function __virtkeep_complete
	set -l words (commandline --tokenize --current-process --cut-at-cursor)
	set -l word (commandline --current-token --cut-at-cursor)
	# The token as the program would get it, as long as its quotes are closed.
	set -l plain (string unescape -- "$word"; or echo -- "$word")
	set -l before (string match --regex '^.*=' -- "$plain"; or echo)
	set -l index (count $words)

	for line in ($words[1] --complete $index $words "$plain" 2>/dev/null)
		switch $line
			case :files
				set -l path (string replace --regex '^.*=' '' -- "$plain")
				for found in (__fish_complete_path $path)
					echo -- $before$found
				end
			case :directories
				set -l path (string replace --regex '^.*=' '' -- "$plain")
				for found in (__fish_complete_directories $path)
					echo -- $before$found
				end
			case ':*'
			case '*'
				echo -- $line
		end
	end
end

for program in virtkeep virtkeep-files virtkeep-mount virtkeep-restore
	complete --command $program --no-files --arguments '(__virtkeep_complete)'
end
